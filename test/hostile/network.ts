import { attempt, type HostileProgram } from './hostile-program.ts';

/** Talking to anybody. */
export const network: readonly HostileProgram[] = [
  attempt('connect to loopback', 'import socket\nsocket.create_connection(("127.0.0.1", {port}), 1)'),
  attempt('make a TCP socket', 'import socket\nsocket.socket()', ['seccomp']),
  attempt(
    'make a UDP socket',
    'import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port}))',
  ),
  attempt('make an IPv6 socket', 'import socket\nsocket.socket(socket.AF_INET6)', ['seccomp']),
  attempt('make a raw socket', 'import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'),
  attempt('make a netlink socket', 'import socket\nsocket.socket(16, 3, 0)', ['seccomp']),
  attempt('listen', 'import socket\ns = socket.socket()\ns.bind(("", 0))\ns.listen()', [
    'seccomp',
    'landlock',
  ]),
  attempt('connect to a unix socket', 'import socket\nsocket.socket(socket.AF_UNIX).connect("{socketFile}")'),
  attempt('bind an abstract socket', 'import socket\nsocket.socket(socket.AF_UNIX).bind("\\0gradus")', [
    'seccomp',
  ]),
  attempt('make a socket pair', 'import socket\nsocket.socketpair()', ['seccomp']),
  attempt('make a vsock', 'import socket\nsocket.socket(40, 1, 0)'),
  attempt(
    'make a socket by number',
    'import ctypes\nassert ctypes.CDLL(None).syscall(41 if os.uname().machine == "x86_64" else 198, 2, 1, 0) >= 0',
    ['seccomp'],
  ),
  attempt('resolve a name', 'import socket\nsocket.getaddrinfo("example.org", 80)'),
  attempt(
    'fetch a page',
    'import urllib.request\nurllib.request.urlopen("http://127.0.0.1:{port}/", timeout=1)',
  ),
  attempt(
    'use io_uring',
    'import ctypes\nb = ctypes.create_string_buffer(120)\nassert ctypes.CDLL(None).syscall(425, 4, b) >= 0',
  ),
];
