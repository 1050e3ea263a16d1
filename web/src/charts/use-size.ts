import { useEffect, useRef, useState } from 'react';

/** The size of a chart. Charts draw in CSS pixels, so that text keeps its size. */
export interface Size {
  readonly element: React.RefObject<HTMLDivElement | null>;
  readonly width: number;
  /** Text size relative to the default of 13 px; larger on wall displays. */
  readonly unit: number;
}

/** Returns a ref for an element, and the width of that element whenever it changes. */
export function useSize(): Size {
  const element = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 400, unit: 1 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const text = parseFloat(getComputedStyle(document.documentElement).fontSize);
      setSize({ width: Math.max(120, Math.round(entry.contentRect.width)), unit: text / 13 });
    });
    if (element.current !== null) observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return { element, ...size };
}
