import { useSyncExternalStore } from "react";
import { local, relative, utc } from "../lib/format";
import { useLanguage } from "../text/language";

/** One clock for the page. What it shows changes once a second at most. */
const clock = {
  listeners: new Set<() => void>(),
  timer: undefined as ReturnType<typeof setInterval> | undefined,
  subscribe: (listener: () => void): (() => void) => {
    clock.listeners.add(listener);
    clock.timer ??= setInterval(() => {
      for (const each of clock.listeners) each();
    }, 1000);
    return () => {
      clock.listeners.delete(listener);
      if (clock.listeners.size === 0) {
        clearInterval(clock.timer);
        clock.timer = undefined;
      }
    };
  },
};

/** The present second, in milliseconds: a component that uses it is drawn again every second. */
export function useNow(): number {
  return useSyncExternalStore(clock.subscribe, () => Math.floor(Date.now() / 1000) * 1000);
}

interface Props {
  /** A time of the API; null is a dash. */
  at: string | null | undefined;
  /** The time itself, in the viewer's zone, instead of how long ago it was. */
  exact?: boolean;
}

/** A time: how long ago, or in the viewer's zone. Both and UTC on hover. */
export function When({ at, exact = false }: Props) {
  const { language } = useLanguage();
  // Drawn again only when the words change.
  const ago = useSyncExternalStore(clock.subscribe, () =>
    at ? relative(Date.parse(at), Date.now(), language) : "–",
  );
  if (!at) return <span>–</span>;
  const here = local(at, language);
  return (
    <time dateTime={at} title={`${exact ? ago : here}\n${utc(at)}`}>
      {exact ? here : ago}
    </time>
  );
}
