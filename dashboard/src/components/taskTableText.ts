import { texts } from "../text/language";

export const words = texts({
  en: {
    select: (name: string) => `Select ${name}`,
    selectPage: "Select all on this page",
  },
  zh: {
    select: (name: string) => `选择 ${name}`,
    selectPage: "选择本页全部",
  },
});
