import { Box } from "@mantine/core";
import type { Key, ReactNode } from "react";

/** Widths below which a column is left out, so that a telephone shows what matters. */
export type From = "sm" | "md" | "lg";

export interface Column<Row> {
  key: string;
  header: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Shown from this width on; without it always. */
  from?: From;
  align?: "left" | "right";
  /** CSS width; columns without one share the rest. */
  width?: number | string;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => Key;
  /** Marks a row, such as the one the keyboard is at. */
  isMarked?: (row: Row) => boolean;
}

/**
 * Rows in columns of fixed widths: nothing moves when a value changes. Plain elements, since the
 * library's tables bring a tenth of what the first view may need.
 */
export function DataTable<Row>({ label, columns, rows, keyOf, isMarked }: Props<Row>) {
  return (
    <table aria-label={label} className="table data-table">
      <thead>
        <tr>
          {columns.map((column) => (
            <Box
              component="th"
              key={column.key}
              w={column.width}
              ta={column.align}
              visibleFrom={column.from}
              scope="col"
            >
              {column.header}
            </Box>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)} data-marked={isMarked?.(row) || undefined}>
            {columns.map((column) => (
              <Box component="td" key={column.key} ta={column.align} visibleFrom={column.from}>
                {column.cell(row)}
              </Box>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
