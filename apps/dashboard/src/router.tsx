import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { isInternalPath } from "./internal-path.ts";
import { Failure } from "./shell/failure.tsx";
import { NotFound } from "./shell/not-found.tsx";
import { meQuery, queryClient } from "./session.ts";

const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: Failure });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search): { next?: string } =>
    isInternalPath(search.next, location.origin) ? { next: search.next } : {},
  component: lazyRouteComponent(() => import("./access/sign-in.tsx"), "SignIn"),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  component: lazyRouteComponent(() => import("./access/setup.tsx"), "Setup"),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: "/invite",
  component: lazyRouteComponent(() => import("./access/invite.tsx"), "AcceptInvitation"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ location }) => {
    const me = await queryClient.ensureQueryData(meQuery);
    if (!me) throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
  },
  component: lazyRouteComponent(() => import("./shell/shell.tsx"), "Shell"),
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/inbox/{-$view}/{-$conversationId}", params: { view: "open" }, replace: true });
  },
});

const inbox = createRoute({
  getParentRoute: () => signedIn,
  path: "/inbox/{-$view}/{-$conversationId}",
  component: lazyRouteComponent(() => import("./inbox/inbox.tsx"), "Inbox"),
});

const team = createRoute({
  getParentRoute: () => signedIn,
  path: "/team",
  component: lazyRouteComponent(() => import("./team/team.tsx"), "Team"),
});

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/{-$section}",
  component: lazyRouteComponent(() => import("./settings/settings.tsx"), "Settings"),
});

const routeTree = root.addChildren([signIn, setup, invite, signedIn.addChildren([home, inbox, team, settings])]);

export const router = createRouter({ routeTree, defaultPreload: "intent", defaultErrorComponent: Failure });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
