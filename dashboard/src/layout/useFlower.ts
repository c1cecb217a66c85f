/** Where Flower is, as the page's own answer says; null while it does not run. */
export function useFlower(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="flower"]')?.content || null;
}
