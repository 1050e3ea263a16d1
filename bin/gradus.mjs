#!/usr/bin/env node
// Starts Gradus on a Node that is new enough.
import { findNode, leastMajor, runOn } from './find-node.mjs';

if (Number(process.versions.node.split('.')[0]) >= leastMajor) {
  await import('./start.mjs');
} else {
  const node = findNode();
  if (node === undefined) {
    console.error(
      `Gradus needs Node ${leastMajor} or newer; this is Node ${process.versions.node}, and npm could not install another.\n` +
        'try: install Node 24 from nodejs.org, or set GRADUS_NODE to the path of one',
    );
    process.exitCode = 2;
  } else runOn(node);
}
