import { attempt, type HostileProgram } from './hostile-program.ts';

/** Attempts to reach the network or other processes through sockets. */
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
  attempt(
    'make a datagram socket pair',
    'import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)',
    ['seccomp'],
  ),
  attempt(
    'make a packet socket pair',
    'import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)',
    ['seccomp'],
  ),
  attempt('make an internet socket pair', 'import socket\nsocket.socketpair(socket.AF_INET)'),
  attempt(
    'send from a socket pair to a unix socket',
    'import socket\nsocket.socketpair()[0].sendto(b"x", "{socketFile}")',
  ),
  attempt(
    'connect one end of a socket pair elsewhere',
    'import socket\nsocket.socketpair()[0].connect("{socketFile}")',
  ),
  attempt(
    'pass a descriptor through a socket pair',
    'import array, socket\na, b = socket.socketpair()\na.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])',
    ['seccomp'],
  ),
  attempt(
    'ask who is behind a socket pair',
    'import socket\nsocket.socketpair()[0].getsockopt(socket.SOL_SOCKET, 17, 12)',
    ['seccomp'],
  ),
  attempt(
    'listen on a socket pair',
    'import socket\na, _ = socket.socketpair()\na.bind("\\0gradus-pair")\na.listen()',
  ),
  attempt(
    'serve through asyncio',
    'import asyncio\nasync def main(): assert (await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)).sockets\nasyncio.run(main())',
    ['seccomp', 'landlock'],
  ),
  attempt(
    'connect through asyncio',
    'import asyncio\nasync def main(): await asyncio.open_connection("127.0.0.1", {port})\nasyncio.run(main())',
  ),
  attempt(
    'start a process through asyncio',
    'import asyncio\nasync def main(): await (await asyncio.create_subprocess_exec("/bin/true")).wait()\nasyncio.run(main())',
  ),
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
