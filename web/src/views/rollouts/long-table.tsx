import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type ReactNode } from 'react';
import { Label } from '../../design/label.tsx';
import { useFilters } from '../../router.tsx';
import own from './rollouts.module.css';

/** A column of a long table. */
export interface Column<T> {
  readonly name: string;
  /** The server's sort key; absent: not sortable. */
  readonly sort?: string;
  /** Size of the column's track in a CSS grid. */
  readonly width: string;
  /** Whether the column is shown only on wide screens. */
  readonly isWide?: boolean;
  readonly cell: (row: T) => ReactNode;
}

/** The order of the rows. */
export interface Sorted {
  readonly sort: string;
  readonly order: 'asc' | 'desc';
}

const rowHeight = 30;

/** A virtualised table, which renders only visible rows and loads more pages as the user scrolls. */
export function LongTable<T>(props: {
  readonly name: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly more: (() => void) | undefined;
  readonly sorted: Sorted;
  readonly keyOf: (row: T) => string | number;
}) {
  const { name, columns, rows, more, sorted, keyOf } = props;
  const element = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    overscan: 16,
  });
  const items = list.getVirtualItems();
  const isNearEnd = (items.at(-1)?.index ?? 0) > rows.length - 40;
  useEffect(() => {
    if (isNearEnd) more?.();
  }, [isNearEnd, more]);
  const template = {
    '--wide': tracks(columns),
    '--narrow': tracks(columns.filter(({ isWide }) => isWide !== true)),
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scroll container must be focusable
    <div className={own.list} ref={element} tabIndex={0} role="group" aria-label={name}>
      <div
        role="table"
        aria-label={name}
        aria-rowcount={rows.length + 1}
        style={template as React.CSSProperties}
      >
        <div role="row" className={own.head} aria-rowindex={1}>
          {columns.map((column) => (
            <Heading key={column.name} column={column} sorted={sorted} />
          ))}
        </div>
        <div role="rowgroup" className={own.inner} style={{ height: list.getTotalSize() }}>
          {items.map(({ index, start }) => (
            <div
              key={keyOf(rows[index]!)}
              role="row"
              aria-rowindex={index + 2}
              className={own.line}
              style={{ top: start, height: rowHeight }}
            >
              {columns.map((column) => (
                <div key={column.name} role="cell" className={column.isWide === true ? own.wide : own.cell}>
                  {column.cell(rows[index]!)}
                </div>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

function Heading<T>({ column, sorted }: { readonly column: Column<T>; readonly sorted: Sorted }) {
  const [, set] = useFilters();
  const { name, sort, isWide } = column;
  const isSorted = sort !== undefined && sorted.sort === sort;
  const isDown = isSorted && sorted.order === 'desc';
  const order = isSorted ? (isDown ? 'descending' : 'ascending') : undefined;
  return (
    <div role="columnheader" className={isWide === true ? own.wide : own.cell} aria-sort={order}>
      {sort === undefined ? (
        <Label text={name} />
      ) : (
        <button type="button" className={own.sort} onClick={() => set({ sort: isDown ? sort : `-${sort}` })}>
          <Label text={name} /> {isSorted ? (isDown ? '↓' : '↑') : ''}
        </button>
      )}
    </div>
  );
}

const tracks = (columns: readonly { readonly width: string }[]): string =>
  columns.map(({ width }) => width).join(' ');
