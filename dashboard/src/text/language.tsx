/** The page's languages. Each screen has its words beside it, in both, held together by their type. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

export type Language = "en" | "zh";
export const LANGUAGES: Record<Language, string> = { en: "English", zh: "中文" };

export type Texts<T> = Readonly<Record<Language, T>>;

/** Words in both languages: what one has and the other lacks does not compile. */
export function texts<T extends object>(both: { en: T; zh: NoInfer<T> }): Texts<T> {
  return both;
}

interface Chosen {
  readonly language: Language;
  readonly choose: (language: Language) => void;
}

const Current = createContext<Chosen>({ language: "en", choose: () => undefined });
const KEPT = "tasksystem.language";

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(first);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const chosen = useMemo(
    () => ({
      language,
      choose: (next: Language) => {
        localStorage.setItem(KEPT, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return <Current.Provider value={chosen}>{children}</Current.Provider>;
}

export function useLanguage(): Chosen {
  return useContext(Current);
}

/** The language of the document, for what is no component. */
export function shownLanguage(): Language {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

/** The words in the chosen language. */
export function useText<T>(both: Texts<T>): T {
  return both[useLanguage().language];
}
