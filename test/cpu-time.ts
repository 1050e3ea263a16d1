/** Starts a clock of this thread's CPU time; the returned function returns the milliseconds since then, independent of
 * the machine's load. */
export function startCpuClock(): () => number {
  const start = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  };
}
