/** Filters of a list, in the page's address by the API's names. Pure. */

/** The text of that name; empty where there is none. */
export function textAt(address: URLSearchParams, name: string): string {
  return address.get(name)?.trim() ?? "";
}

/** The time of that name; empty where there is none. */
export function timeAt(address: URLSearchParams, name: string): string {
  const text = textAt(address, name);
  return Number.isNaN(Date.parse(text)) ? "" : text;
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], ""> };

/** The filters that say something, as the API takes them: an empty one restricts nothing. */
export function given<T extends object>(filters: T): Given<T> {
  const trimmed = Object.entries(filters).map(([name, value]) => [
    name,
    typeof value === "string" ? value.trim() : value,
  ]);
  const said = trimmed.filter(([, value]) => value !== "" && value !== undefined);
  return Object.fromEntries(said) as Given<T>;
}

/** The address that names these filters. */
export function addressOf(filters: object): URLSearchParams {
  const said = Object.entries(given(filters));
  return new URLSearchParams(said.map(([name, value]) => [name, String(value)]));
}
