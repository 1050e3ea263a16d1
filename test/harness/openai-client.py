"""Queries a served model with OpenAI's own client. Usage: openai-client.py BASE_URL"""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
model = client.models.list().data[0].id
assert client.models.retrieve(model).id == model

asked = {
    "model": model,
    "messages": [{"role": "user", "content": "3+4=?"}],
    "max_tokens": 24,
    "temperature": 0,
}
whole = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
text = whole.choices[0].message.content
assert text == "7;\\boxed{7}", text
scores = whole.choices[0].logprobs.content
assert len(scores) == whole.usage.completion_tokens
assert all(one.logprob == one.top_logprobs[0].logprob for one in scores)

pieces = [
    chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)
]
assert "".join(pieces) == text and len(pieces) > 2, pieces

several = client.completions.create(model=model, prompt=["1+2=", "2"], max_tokens=4, n=2, echo=True, logprobs=2)
assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
assert several.choices[0].logprobs.token_logprobs[0] is None
assert several.choices[3].text.startswith("2")

for wrong, error in (
    ({**asked, "model": "another"}, openai.NotFoundError),
    ({**asked, "max_tokens": -1}, openai.BadRequestError),
):
    try:
        client.chat.completions.create(**wrong)
    except error as refusal:
        assert refusal.body["message"], refusal
    else:
        raise AssertionError(wrong)
print("all good")
