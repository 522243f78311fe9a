/** Every address of the app. What stands behind one is loaded when it is opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";

import { Refused } from "./api/client";
import { queryClient, type Session, sessionQuery } from "./api/session";
import { brand } from "./shell/brand";
import { Failed, NotFound, Waiting } from "./shell/Page";
import { UpdatePrompt } from "./shell/UpdatePrompt";

const Shell = lazy(() => import("./shell/Shell").then((module) => ({ default: module.Shell })));

const root = createRootRoute({ component: Root, notFoundComponent: NotFound });

function Root() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(sessionQuery);
  const academy = data?.academy;
  useEffect(() => {
    if (academy) brand(academy);
  }, [academy?.slug, academy?.name, academy?.colour]);
  const mayBeIn = isIn(data);
  useEffect(() => {
    if (!mayBeIn) void router.invalidate(); // asks every open page anew whether it may be shown
  }, [mayBeIn]);
  if (!data && error instanceof Refused && error.code === "academy_not_found") {
    return <div className="middle">{t("noAcademy")}</div>;
  }
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  return (
    <>
      <UpdatePrompt />
      <Suspense fallback={<Waiting />}>
        <Outlet />
      </Suspense>
    </>
  );
}

const isIn = (session: Session | undefined): boolean => !!session?.person && !session.person.second_factor_due;

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  /** Whoever is not wholly signed in is led to the log-in, and back from there. */
  beforeLoad: async ({ location }) => {
    if (!isIn(await queryClient.ensureQueryData(sessionQuery))) {
      throw redirect({ to: "/log-in", search: { to: location.href }, replace: true });
    }
  },
  component: Shell,
});

const routes = [
  createRoute({
    getParentRoute: () => signedIn,
    path: "/",
    component: lazyRouteComponent(() => import("./features/home/Home"), "Home"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/results",
    component: lazyRouteComponent(() => import("./features/results/Results"), "Results"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/results/$examId",
    component: lazyRouteComponent(() => import("./features/results/Result"), "Result"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/homework",
    component: lazyRouteComponent(() => import("./features/homework/Homework"), "Homework"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/homework/$assignmentId",
    component: lazyRouteComponent(() => import("./features/homework/Assignment"), "Assignment"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/lectures",
    component: lazyRouteComponent(() => import("./features/lectures/Lectures"), "Lectures"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/lectures/$lectureId",
    component: lazyRouteComponent(() => import("./features/lectures/Lecture"), "Lecture"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/films",
    component: lazyRouteComponent(() => import("./features/films/Films"), "Films"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/films/$videoId",
    component: lazyRouteComponent(() => import("./features/films/FilmPages"), "FilmPages"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/hand-in",
    component: lazyRouteComponent(() => import("./features/hand-in/HandIn"), "HandIn"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/children",
    component: lazyRouteComponent(() => import("./features/account/Children"), "Children"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/children/$studentId/consent",
    component: lazyRouteComponent(() => import("./features/account/Consent"), "Consent"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account",
    component: lazyRouteComponent(() => import("./features/account/Account"), "Account"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account/sessions",
    component: lazyRouteComponent(() => import("./features/account/Sessions"), "Sessions"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account/notices",
    component: lazyRouteComponent(() => import("./features/notices/Notices"), "Notices"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account/phone",
    component: lazyRouteComponent(() => import("./features/account/Phone"), "Phone"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account/password",
    component: lazyRouteComponent(() => import("./features/account/Password"), "Password"),
  }),
  createRoute({
    getParentRoute: () => signedIn,
    path: "/account/passkeys",
    component: lazyRouteComponent(() => import("./features/account/Passkeys"), "Passkeys"),
  }),
];

const logIn = createRoute({
  getParentRoute: () => root,
  path: "/log-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } => ownAddress(search.to),
  component: lazyRouteComponent(() => import("./features/entry/LogIn"), "LogIn"),
});

/** Only an address of this app: a link must not lead from the log-in to somewhere else. */
function ownAddress(to: unknown): { to?: string } {
  return typeof to === "string" && /^\/(?![/\\])/.test(to) ? { to } : {};
}

export const router = createRouter({
  routeTree: root.addChildren([signedIn.addChildren(routes), logIn]),
  defaultPendingComponent: Waiting,
  defaultErrorComponent: ({ error, reset }) => <Failed error={error} again={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
