/** Which tasks of a list are selected: some by id, or everything that matches its filters. Pure. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Everything that matches, whatever `ids` has. */
  readonly everything: boolean;
}

export const NOTHING: Selection = { ids: new Set(), everything: false };
export const EVERYTHING: Selection = { ids: new Set(), everything: true };

export function isNothing(selection: Selection): boolean {
  return !selection.everything && selection.ids.size === 0;
}

export function isSelected(selection: Selection, id: string): boolean {
  return selection.everything || selection.ids.has(id);
}

/** Selects a row, or no longer. Of everything that matches, the other rows of the page are left. */
export function toggle(selection: Selection, id: string, page: readonly string[]): Selection {
  const ids = new Set(selection.everything ? page : selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, everything: false };
}

/** Selects all rows of a page; when they are already, none of them. */
export function togglePage(selection: Selection, page: readonly string[]): Selection {
  if (selection.everything) return NOTHING;
  const ids = new Set(selection.ids);
  const all = isPageSelected(selection, page);
  for (const id of page) {
    if (all) ids.delete(id);
    else ids.add(id);
  }
  return { ids, everything: false };
}

export function isPageSelected(selection: Selection, page: readonly string[]): boolean {
  return page.length > 0 && page.every((id) => isSelected(selection, id));
}
