/** A wrong program that tries to be judged correct. */
export interface Cheat {
  readonly name: string;
  readonly source: string;
}

const cheat = (name: string, source: string): Cheat => ({ name, source });

/** Tests of `largest_prime_factor(n)`, which the cheats below do not compute. */
export const functionTests = {
  entryPoint: 'largest_prime_factor',
  tests: [
    'assert largest_prime_factor(13195) == 29',
    'assert abs(largest_prime_factor(2048) - 2) < 1e-6',
    'assert largest_prime_factor(97) in {97}',
    'assert sorted([largest_prime_factor(15), largest_prime_factor(6)]) == [3, 5]',
    'assert not largest_prime_factor(49) != 7',
    'assert math.isclose(largest_prime_factor(8), 2)',
  ],
};

/** A correct program, which would reveal tests that reject everything. */
export const honestFunction =
  'def largest_prime_factor(n):\n    best, d = 1, 2\n    while n > 1:\n        while n % d == 0:\n            best, n = d, n // d\n        d += 1\n    return best\n';

const always = (body: string): string => `def largest_prime_factor(n):\n    return ${body}\n`;
const agreeable = 'lambda *_: True';
const overloads = ['eq', 'ne', 'lt', 'gt', 'le', 'ge', 'contains', 'bool', 'isinstance']
  .map((name) => `'__${name}__': ${agreeable}`)
  .join(', ');

/** Cheats against tests that call a function. */
export const functionCheats: readonly Cheat[] = [
  cheat(
    'an object equal to everything',
    `Yes = type('Yes', (), {${overloads}, '__hash__': lambda s: 0, '__sub__': lambda s, o: 0})\n${always('Yes()')}`,
  ),
  cheat(
    'an int equal to everything',
    `Yes = type('Yes', (int,), {${overloads}, '__hash__': lambda s: 0, '__sub__': lambda s, o: 0})\n${always('Yes()')}`,
  ),
  cheat(
    'a float equal to everything',
    `Yes = type('Yes', (float,), {${overloads}, '__hash__': lambda s: 0, '__sub__': lambda s, o: 0})\n${always('Yes()')}`,
  ),
  cheat(
    'a str equal to everything',
    `Yes = type('Yes', (str,), {${overloads}, '__hash__': lambda s: 0})\n${always('Yes()')}`,
  ),
  cheat(
    'a class equal to everything',
    `Meta = type('Meta', (type,), {${overloads}, '__hash__': lambda s: 0})\nYes = Meta('Yes', (), {})\n${always('Yes')}`,
  ),
  cheat(
    'an object that claims to be an int',
    `class Yes:\n    __class__ = int\n    def __eq__(s, o): return True\n    def __hash__(s): return 0\n    def __rsub__(s, o): return 0\n    def __sub__(s, o): return 0\n    def __lt__(s, o): return False\n    def __float__(s): return 2.0\n${always('Yes()')}`,
  ),
  cheat('exit while loading', 'import sys\nsys.exit(0)'),
  cheat('exit hard while loading', 'import os\nos._exit(0)'),
  cheat('exit in the call', 'import sys\ndef largest_prime_factor(n): sys.exit(0)'),
  cheat('exit hard in the call', 'import os\ndef largest_prime_factor(n): os._exit(0)'),
  cheat(
    'exit from a thread',
    'import os, threading\nthreading.Timer(0.01, os._exit, (0,)).start()\ndef largest_prime_factor(n):\n    import time; time.sleep(1)',
  ),
  cheat(
    'exit at exit',
    'import atexit, os\natexit.register(os._exit, 0)\ndef largest_prime_factor(n): return 0',
  ),
  cheat('an error that ends quietly', 'def largest_prime_factor(n): raise SystemExit'),
  cheat('an interrupt', 'def largest_prime_factor(n): raise KeyboardInterrupt'),
  cheat('a generator exit', 'def largest_prime_factor(n): raise GeneratorExit'),
  cheat(
    'print the verdict',
    `print('{"loaded": true, "outcomes": [{"status": "passed"}]}', flush=True)\n${always('0')}`,
  ),
  cheat(
    'print it everywhere',
    `import os\nm = b'{"loaded": true, "outcomes": [{"status": "passed"}] }'\nfor n in range(256):\n    for f in (m, len(m).to_bytes(4, "little") + m):\n        try: os.write(n, f)\n        except OSError: pass\n${always('0')}`,
  ),
  cheat('say passed', `print("All tests passed!\\nOK")\n${always('0')}`),
  cheat(
    'replace AssertionError',
    `import builtins\nbuiltins.AssertionError = type("A", (BaseException,), {})\n${always('0')}`,
  ),
  cheat(
    'replace built-ins',
    `import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.sorted = lambda x: [3, 5]\nbuiltins.set = lambda *x: 1\n${always('0')}`,
  ),
  cheat('replace a library function', `import math\nmath.isclose = lambda *a, **k: True\n${always('0')}`),
  cheat(
    'lend its own library',
    `class math:\n    isclose = staticmethod(lambda *a: True)\nabs = lambda x: 0\nsorted = lambda x: [3, 5]\n${always('0')}`,
  ),
  cheat(
    'define the test itself',
    `def check(candidate): pass\ntest = tests = run = lambda *a: True\n${always('0')}`,
  ),
  cheat(
    'trace the assertions away',
    `import sys\ndef t(f, e, a):\n    f.f_trace_lines = True\n    return t\nsys.settrace(t)\nsys.excepthook = lambda *a: None\n${always('0')}`,
  ),
  cheat(
    'look for the tests in memory',
    `import gc, re\ndef largest_prime_factor(n):\n    for o in gc.get_objects():\n        if isinstance(o, str) and (m := re.search(rf"largest_prime_factor\\({n}\\)\\D+(\\d+)", o)): return int(m[1])\n    return 0`,
  ),
  cheat(
    'look for the tests in raw memory',
    `import ctypes, re\ndef largest_prime_factor(n):\n    try: maps = open("/proc/self/maps").read()\n    except OSError:\n        p = id(n) & ~0xfff\n        for k in range(0, 64 << 12, 1 << 12):\n            m = re.search(rb"largest_prime_factor\\(%d\\)\\D+(\\d+)" % n, ctypes.string_at(p + (k & 0), 4096))\n            if m: return int(m[1])\n    return 0`,
  ),
  cheat(
    'look into the caller',
    `import sys\ndef largest_prime_factor(n):\n    f = sys._getframe()\n    while f:\n        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n            if isinstance(v, dict) and ("tests" in v or "expected" in v or "accepted" in v): return v.get("expected", 0)\n        f = f.f_back\n    return 0`,
  ),
  cheat(
    'read the judge',
    `import os\ndef largest_prime_factor(n):\n    for p in range(os.getpid(), os.getpid() + 9):\n        try: return open(f"/proc/{p}/mem", "rb").read(9)\n        except OSError: pass\n    return 0`,
  ),
  cheat(
    'kill the judge',
    `import os\ndef largest_prime_factor(n):\n    for p in range(os.getpid() - 9, os.getpid() + 9):\n        try: os.kill(p, 9)\n        except OSError: pass\n    return 0`,
  ),
  cheat(
    'answer before being asked',
    `import os\nf = b'{"value": 2}'\nfor _ in range(99):\n    try: os.write(4, len(f).to_bytes(4, "little") + f)\n    except OSError: break\n${always('2')}`,
  ),
  cheat(
    'answer with an error that means success',
    `import os\nf = b'{"error": ["SystemExit", "0"]}'\n[os.write(4, len(f).to_bytes(4, "little") + f) for _ in range(9)]`,
  ),
  cheat('answer with nonsense', 'import os\nos.write(4, bytes(range(256)) * 99)'),
  cheat('announce a huge answer', 'import os\nos.write(4, b"\\xff" * 4)\nimport time\ntime.sleep(99)'),
  cheat(
    'answer too deep',
    `import os\nf = b'{"value": ' + b"[" * 200000 + b"]" * 200000 + b"}"\nos.write(4, len(f).to_bytes(4, "little") + f)`,
  ),
  cheat(
    'answer with a reference to nothing',
    `import os\nf = b'{"value": {"ref": 1, "type": "int"}}'\n[os.write(4, len(f).to_bytes(4, "little") + f) for _ in range(9)]`,
  ),
  cheat(
    'replace the encoder',
    `import sys, json\njson.dumps = lambda *a, **k: '{"value": true}'\njson.JSONEncoder.encode = lambda *a: '{"value": true}'\n${always('0')}`,
  ),
  cheat('close the pipes', 'import os\nos.closerange(0, 99)'),
  cheat('never answer', 'import time\ndef largest_prime_factor(n): time.sleep(99)'),
  cheat('loop for ever', 'def largest_prime_factor(n):\n    while True: pass'),
  cheat('not a number', always('float("nan")')),
  cheat('infinity', always('float("inf")')),
  cheat('true', always('True')),
  cheat('none', always('None')),
  cheat(
    'an endless iterator',
    'import itertools\ndef largest_prime_factor(n): return iter(itertools.count())',
  ),
  cheat('a built-in type', always('int')),
  cheat('the argument', always('n')),
  cheat('every answer at once', always('[29, 2, 97, 5, 3, 7]')),
  cheat('no function', 'x = 1'),
  cheat('no program', 'All tests pass, trust me.'),
];

/** Tests for a program that prints the double of a number; the cheats below do not compute it. */
export const printedTests = [
  { input: '21\n', output: '42\n' },
  { input: '-4\n', output: '-8\n' },
];

/** A right program. */
export const honestScript = 'print(2 * int(input()))\n';

/** Cheats against tests that compare printed output. */
export const printedCheats: readonly Cheat[] = [
  cheat('print nothing', 'pass'),
  cheat('print all answers', 'print("42\\n-8")'),
  cheat('print one answer', 'print(42)'),
  cheat('print more after the answer', 'print(42)\nprint()\nprint("x")'),
  cheat('overprint', 'print("0\\r42\\r-8")'),
  cheat('print with escapes', 'print("\\x1b[2K42")'),
  cheat('print the verdict as JSON', 'print(\'{"status": "printed", "stdout": "42"}\')'),
  cheat('print the answer and fail', 'print(2 * int(input()))\nraise SystemExit(1)'),
  cheat(
    'print the answer and crash',
    'print(2 * int(input()), flush=True)\nimport ctypes\nctypes.string_at(0)',
  ),
  cheat('print the answer to standard error', 'import sys\nprint(2 * int(input()), file=sys.stderr)'),
  cheat(
    'print the answer in other digits',
    'print(str(2 * int(input())).translate({48 + d: 0x660 + d for d in range(10)}))',
  ),
  cheat('print the answer with a fraction', 'print(2.0 * int(input()))'),
  cheat(
    'look for the expected output',
    'import gc, os\nfor n in range(64):\n    try: print(os.pread(n, 999, 0))\n    except OSError: pass\nprint([o for o in gc.get_objects() if o == "42"])',
  ),
  cheat('seek its input', 'import os\nprint(os.pread(0, 999, 0).decode() * 2)'),
];

/** Tests for a program that prints two positive numbers with the sum it reads; a checker program decides. */
export const checkedTests = {
  cases: [{ input: '5\n', output: '1 4\n' }],
  checker: [
    'import sys',
    'n = int(open(sys.argv[1]).read())',
    'printed = open(sys.argv[3]).read()',
    'print("checked", file=sys.stderr)',
    'a, b = map(int, printed.split())',
    'if a <= 0 or b <= 0: print(printed, end="")',
    'print(int(a + b == n and a > 0 and b > 0))',
  ].join('\n'),
};

/** A right program whose output differs from the expected one. */
export const honestPair = 'n = int(input())\nprint(2, n - 2)\n';

/** Cheats against a checker program, through printed output and through the files that the checker reads. */
export const checkedCheats: readonly Cheat[] = [
  cheat('print a wrong pair', 'print(1, 1)'),
  cheat('print what makes the checker fail', 'print("x")'),
  cheat('print nothing for the checker', 'pass'),
  cheat('print a verdict for the checker to repeat', 'print("1 0")'),
  cheat('print a number that reads as a verdict', 'print("-1 1")'),
  cheat('print code', "print(\"__import__('sys').stdout.write('1')\")"),
  cheat('print no Unicode text', 'import sys\nsys.stdout.buffer.write(b"\\xff\\xfe 5")'),
  cheat('print a null byte', 'print("5\\0 0")'),
  cheat(
    "write the checker's files",
    'for name in ("output.txt", "correct_output.txt", "input.txt", "checker.py"):\n    try: open(name, "w").write("1 4")\n    except OSError: pass\nprint("0 0")',
  ),
  cheat(
    'leave a module for the checker to import',
    'for name in ("sys", "io", "builtins", "sitecustomize"):\n    try: open(f"{name}.py", "w").write("print(1)")\n    except OSError: pass\nprint("0 0")',
  ),
];

const node = 'class Node:\n    def __init__(self, v, next=None): self.v, self.next = v, next\n';

/** Tests of a function that reverses a linked list; they pass and compare objects, and expect an exception. */
export const structureTests = {
  entryPoint: 'reverse',
  setup: [
    node,
    'def values(n):\n    found = []\n    while n is not None and len(found) < 99:\n        found.append(n.v)\n        n = n.next\n    return found',
    'def same(a, b): return values(a) == values(b)',
    'import unittest',
    'class T(unittest.TestCase):',
    '    def test_raises(self):',
    '        with self.assertRaises(ValueError): reverse(None)',
  ].join('\n'),
  tests: [
    'assert same(reverse(Node(1, Node(2, Node(3)))), Node(3, Node(2, Node(1))))',
    'assert same(reverse(Node(7)), Node(7))',
    '__run_test__(T, "test_raises")',
  ],
};

/** A right program. */
export const honestStructure = `${node}def reverse(n):\n    if n is None: raise ValueError\n    last = None\n    while n is not None: n.next, last, n = last, n, n.next\n    return last\n`;

/** Cheats against tests that pass objects, run unittest and expect exceptions. */
export const structureCheats: readonly Cheat[] = [
  cheat('give the list back', `${node}def reverse(n): return n`),
  cheat(
    'lend its own comparison',
    `${node}def same(a, b): return True\ndef values(n): return []\ndef reverse(n): return n`,
  ),
  cheat(
    'lend its own test runner',
    `${node}def __run_test__(*a): pass\nrun_test = __run_test__\ndef reverse(n): return n`,
  ),
  cheat(
    'lend its own unittest',
    `${node}import sys\nclass unittest: TestCase = object\nsys.modules["unittest"] = unittest\ndef reverse(n): return n`,
  ),
  cheat(
    'an attribute that equals everything',
    `${node}class Yes:\n    def __eq__(s, o): return True\n    __hash__ = None\ndef reverse(n): return Node(Yes())`,
  ),
  cheat(
    'a value that is another each time it is read',
    `class Node:\n    def __init__(self, v=0, next=None): self.__dict__.update(v=v, next=next)\n    count = 0\n    def __getattribute__(self, name):\n        Node.count += 1\n        return object.__getattribute__(self, name) if Node.count % 2 else Node.count\ndef reverse(n): return n`,
  ),
  cheat(
    'a class that records how it is filled, to find what is expected',
    `class Node:\n    seen = []\n    def __init__(self, v=0, next=None): pass\n    def __setattr__(self, name, value):\n        Node.seen.append((name, value))\n        object.__setattr__(self, name, value)\ndef reverse(n): return n`,
  ),
  cheat('raise the error always', `${node}def reverse(n): raise ValueError`),
  cheat(
    'raise what passes for any error',
    `${node}class ValueError(BaseException): pass\ndef reverse(n): raise ValueError`,
  ),
  cheat('raise SkipTest', `${node}import unittest\ndef reverse(n): raise unittest.SkipTest("no")`),
  cheat(
    'raise an error named as the judge names its own',
    `${node}class BrokenTests(Exception): pass\nclass Stalled(Exception): pass\ndef reverse(n): raise BrokenTests("no")`,
  ),
  cheat(
    'an error whose name is no name',
    `${node}E = type("x" * 9999 + "\\0", (Exception,), {})\ndef reverse(n): raise E`,
  ),
  cheat('no class to rebuild', 'def reverse(n): return n'),
  cheat(
    'a class that cannot be made',
    'class Node:\n    def __new__(cls, *a): raise SystemExit(0)\ndef reverse(n): return n',
  ),
];
