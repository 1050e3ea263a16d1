/** Starts a clock of this thread's CPU time; returns the milliseconds since then. Independent of the machine's load. */
export function startCpuClock(): () => number {
  const start = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  };
}
