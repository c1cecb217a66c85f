import { useEffect, useRef } from "react";
import { isTyping, press, type Stroke } from "../lib/keys";

/** Runs a command when its keys are pressed and nothing is being typed. */
export function useKeys(commands: Readonly<Record<string, () => void>>): void {
  const current = useRef(commands);
  current.current = commands;
  useEffect(() => {
    let before: Stroke | null = null;
    function onKey(event: KeyboardEvent) {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      const now = { key: event.key, at: event.timeStamp };
      const { command, kept } = press(Object.keys(current.current), before, now);
      before = kept;
      if (command === null) return;
      event.preventDefault();
      current.current[command]?.();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
