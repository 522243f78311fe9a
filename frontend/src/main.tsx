import "./app.css";

import { createTheme, MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { mayBeSignedIn, queryClient } from "./api/session";
import "./i18n";
import { router } from "./routes";

// What is most likely shown is asked for along with the session that decides it, not after it.
if (!mayBeSignedIn()) void import("./features/entry/LogIn");
else {
  void import("./shell/Shell");
  if (window.location.pathname === "/") void import("./features/home/Home");
}

const FONTS =
  '-apple-system, BlinkMacSystemFont, "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", Roboto, "Malgun Gothic", NanumGothic, "Nanum Gothic", sans-serif';
const theme = createTheme({ fontFamily: FONTS, headings: { fontFamily: FONTS }, defaultRadius: "md" });

// The policy of the page allows no style elements: Mantine writes none when its variables come from its style sheet.
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} withCssVariables={false} withStaticClasses={false} withGlobalClasses={false}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
