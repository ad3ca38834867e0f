/** Counts open things by name and refuses beyond the most allowed. */
export function createCounter(most: number) {
  const counts = new Map<string, number>();
  return {
    /** False when there are as many as allowed; otherwise counts one more. */
    enter(name: string): boolean {
      const count = counts.get(name) ?? 0;
      if (count >= most) return false;
      counts.set(name, count + 1);
      return true;
    },
    leave(name: string): void {
      const count = (counts.get(name) ?? 0) - 1;
      if (count > 0) counts.set(name, count);
      else counts.delete(name);
    },
  };
}

/** Runs at most so many pieces of work at the same moment; the others wait in line. */
export function createLine(most: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
