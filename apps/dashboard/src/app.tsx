import { DirectionProvider, MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { directionOf } from "./i18n.ts";
import { usePreference } from "./preferences.ts";
import { router } from "./router.tsx";
import { queryClient } from "./session.ts";
import { useScheme } from "./theme/scheme.ts";
import { theme } from "./theme/theme.ts";

const NotificationArea = lazy(() => import("./shell/notifications.tsx"));

export function App() {
  const locale = usePreference("locale");
  const scheme = useScheme();
  const direction = directionOf(locale);

  // All variables come from style sheets: with a strict content security policy a style element would be refused.
  return (
    <DirectionProvider key={direction} initialDirection={direction} detectDirection={false}>
      <MantineProvider theme={theme} forceColorScheme={scheme} withCssVariables={false} withGlobalClasses={false}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
          <Suspense>
            <NotificationArea />
          </Suspense>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  );
}
