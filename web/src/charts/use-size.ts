import { useEffect, useRef, useState } from 'react';

/** What a chart may draw on; charts draw in CSS pixels so that text keeps its size. */
export interface Size {
  readonly element: React.RefObject<HTMLDivElement | null>;
  readonly width: number;
  /** 1 on a desk, more on a wall: how much larger than usual text is. */
  readonly unit: number;
}

/** The width an element has, followed as it changes. */
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
