import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadFunction } from './load.ts';
import { FunctionProcess } from './process.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'gradus-process-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Creates a process for the function `judge(text)` in a file with this content. */
function start(name: string, source: string, maxMs = 20_000): FunctionProcess {
  const file = join(folder, name);
  writeFileSync(file, source);
  const spec = { file, function: 'judge', python: 'python3', maxLoadMs: 20_000 };
  return new FunctionProcess({ ...spec, ...loadFunction(spec), maxMs });
}

/** A Python function that executes its input. */
const acts = `import os, signal, time
def judge(text):
    told = {"pid": os.getpid()}
    exec(text)
    return {"score": 1, **told}
`;

describe.skipIf(!hasPython)('a process that runs a Python function (skipped without python3)', () => {
  let doing: FunctionProcess;
  beforeAll(() => {
    doing = start('acts.py', acts, 400);
  });
  afterAll(() => doing[Symbol.asyncDispose]());

  test.each([
    ['os._exit(3)', /its process ended \(exit code 3\)/],
    ['print("last words", flush=True); os.kill(os.getpid(), signal.SIGSEGV)', /\(SIGSEGV\): last words/],
    ['while True: pass', /no answer within 400 ms; it was at acts\.py:4 in judge/],
    ['import re; re.match(r"(a+)+$", "a" * 40 + "b")', /within 400 ms; it was at acts\.py:4 in judge/],
    ['time.sleep(60)', /no answer within 400 ms; it was at acts\.py:4 in judge/],
    ['import faulthandler; faulthandler.cancel_dump_traceback_later(); time.sleep(60)', /within 400 ms$/],
  ])('%s fails only that call, not the next', async (action, says) => {
    await expect(doing.call({ text: action })).rejects.toThrow(says);
    expect((await doing.call({ text: '' })).score).toBe(1);
  });

  test('replaces a process that was killed while idle or aborted, but not one that was closed', async () => {
    const held = start('acts.py', acts);
    const pid = async (): Promise<number> => (await held.call({ text: '' })).details['pid'] as number;
    const first = await pid();
    process.kill(first, 'SIGKILL');
    await sleep(100);
    const second = await pid();
    expect(second).not.toBe(first);
    const aborting = new AbortController();
    const long = held.call({ text: 'time.sleep(60)' }, aborting.signal);
    setTimeout(() => aborting.abort(new Error('enough')), 100);
    await expect(long).rejects.toThrow('enough');
    expect(isAlive(second)).toBe(false);
    const third = await pid();
    const cutOff = held.call({ text: 'time.sleep(60)' }).catch(String);
    await held[Symbol.asyncDispose]();
    expect(await cutOff).toBe('VerifierError: its process was stopped');
    expect(isAlive(third)).toBe(false);
    await expect(pid()).rejects.toThrow('the verifier is closed');
  });

  test('does not wait for processes that the file starts while it is loaded, and ends them', async () => {
    const source = `import os, subprocess
started = subprocess.Popen(["sleep", "60"]).pid
def judge(text): return {"score": 1, "pids": [os.getpid(), started]}
`;
    const held = start('starts.py', source);
    const { details } = await held.call({ text: '' });
    await held[Symbol.asyncDispose]();
    await vi.waitFor(() => expect((details['pids'] as number[]).filter(isAlive)).toEqual([]), 5000);
  });

  test('allows multiprocessing with any start method', async () => {
    const source = `import concurrent.futures, multiprocessing
def square(n): return n * n
def judge(text):
    way = multiprocessing.get_context(text)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=way) as pool:
        return pool.submit(square, 0.5).result()
`;
    await using held = start('pools.py', source);
    for (const text of ['fork', 'spawn']) expect((await held.call({ text })).score).toBe(0.25);
  });

  test('prints, reads and leftover processes do not disturb the protocol', async () => {
    const source = `import os, subprocess, sys, threading, time
print("at load" * 100_000)
def judge(text):
    print(text, {"score": 0}, flush=True)
    print(text, file=sys.stderr)
    os.write(1, b'{"score": 0}\\n' * 10_000)
    assert sys.stdin.read() == ""
    subprocess.run(["sh", "-c", "echo noise; echo noise >&2"], check=True)
    threading.Thread(target=time.sleep, args=[60]).start()
    return 1
`;
    await using held = start('noise.py', source);
    for (let i = 0; i < 3; i++) expect((await held.call({ text: '\ud800' })).score).toBe(1);
  });

  test('passes any text unchanged', async () => {
    const source = `import hashlib
def judge(text):
    points = ",".join(str(ord(sign)) for sign in text)
    return {"score": 1, "hash": hashlib.sha256(points.encode()).hexdigest(), "back": text[:200]}
`;
    await using held = start('text.py', source);
    const check = async (text: string): Promise<void> => {
      const { details } = await held.call({ text });
      const points = Array.from(text, (sign) => sign.codePointAt(0)).join(',');
      expect(details['hash']).toBe(createHash('sha256').update(points).digest('hex'));
      expect(details['back']).toBe(Array.from(text).slice(0, 200).join(''));
    };
    await check('\0\n\r\u2028\ud800\udfff\udc00\ud800 "\\ 😀'.repeat(60_000));
    const strange = fc.constantFrom(0, 10, 13, 0x2028, 0xd800, 0xdc00);
    const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), strange);
    const texts = fc.array(unit, { maxLength: 60 }).map((units) => String.fromCharCode(...units));
    await fc.assert(fc.asyncProperty(texts, check), { numRuns: 100 });
  });

  test('judges with the files as first loaded, even in a new process after edits or deletion', async () => {
    const source = `import os, later
def judge(text):
    if text == "": os._exit(1)
    return {"score": 1, "says": later.word}
`;
    writeFileSync(join(folder, 'later.py'), 'word = "old"');
    await using held = start('edited.py', source);
    writeFileSync(join(folder, 'later.py'), 'word = "new"');
    rmSync(join(folder, 'edited.py'));
    await expect(held.call({ text: '' })).rejects.toThrow('exit code 1');
    expect((await held.call({ text: 'x' })).details).toEqual({ says: 'old' });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // If no process reaps orphans, an ended process keeps its process id.
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
