"""Ranks whose versions differ from those of the head are rejected."""

from __future__ import annotations

import pytest

from gradus_worker.cluster.versions import check_versions, own_versions
from gradus_worker.model.json_file import ModelError


def test_equal_versions_pass() -> None:
    own = own_versions()
    assert own["torch"] != "missing"
    assert len(own["gradus_worker"]) == 12
    check_versions(own, [("10.0.0.1", own), ("10.0.0.2", dict(own))])


def test_all_differences_are_listed_with_their_nodes() -> None:
    own = own_versions()
    with pytest.raises(ModelError) as raised:
        check_versions(
            own, [("10.0.0.1", own), ("10.0.0.2", {**own, "torch": "2.11.0", "gradus_worker": "0123456789ab"})]
        )
    assert str(raised.value) == (
        "expected the same versions on all nodes of the cluster, got "
        f"torch 2.11.0 on the node 10.0.0.2 of rank 1, {own['torch']} in this process; "
        f"gradus_worker 0123456789ab on the node 10.0.0.2 of rank 1, {own['gradus_worker']} in this process"
    )
