import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, StrictMode, useMemo } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./App";
import { makeQueryClient } from "./api/queries";
import { common } from "./text/common";
import { LanguageProvider, useText } from "./text/language";
import { makeTheme } from "./theme";

/** The API's policy lets styles in that carry this, and no others. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}

// The part of the components that keeps the page behind a dialog from scrolling looks here.
Object.assign(globalThis, { __webpack_nonce__: nonce() });

function Themed({ children }: { children: ReactNode }) {
  const { close } = useText(common);
  const theme = useMemo(() => makeTheme(close), [close]);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={nonce}>
      {children}
    </MantineProvider>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("There is no #root");

createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <Themed>
        <QueryClientProvider client={makeQueryClient()}>
          <Notifications position="bottom-right" />
          <Router base="/ui">
            <App />
          </Router>
        </QueryClientProvider>
      </Themed>
    </LanguageProvider>
  </StrictMode>,
);
