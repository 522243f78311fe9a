import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { may, useSession } from "../api/session";
import { CameraIcon, HomeIcon, HomeworkIcon, LecturesIcon, PersonIcon, ResultsIcon } from "./icons";
import { Mark } from "./Mark";
import { useOnline } from "./Page";

/** Who may hand something in from here. */
const SENDERS = ["scans.submit", "homework.own", "videos.submit"];

/** What every page of a signed-in person stands in: the academy's name, and the tabs that their role has. */
export function Shell() {
  const { t } = useTranslation();
  const session = useSession();
  const isOnline = useOnline();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const person = session?.person ?? null;
  const isTab = ["/", "/homework", "/lectures", "/results", "/hand-in", "/account"].includes(path);

  useEffect(() => {
    window.scrollTo(0, 0);
  }, [path]);
  useEffect(() => {
    // What waits from an earlier visit is sent at once, wherever one is.
    if (person && SENDERS.some((permission) => may(person, permission))) {
      void import("../features/hand-in/sender").then(({ startSending }) => startSending(person.id));
    }
  }, [person?.id]);
  useEffect(() => {
    if (!person) return;
    let end: (() => void) | undefined;
    let isOver = false;
    void Promise.all([import("../features/notices/watch"), import("../features/notices/device")]).then(
      ([{ watchNews }, { keepSubscribed }]) => {
        if (isOver) return;
        end = watchNews(person);
        void keepSubscribed(person).catch(() => null); // tried again when the app is next opened
      },
    );
    return () => {
      isOver = true;
      end?.();
    };
  }, [person?.id]);

  if (!session || !person) return null;
  return (
    <>
      {isOnline ? null : (
        <div className="notice" role="status">
          {t("offline")}
        </div>
      )}
      {isTab ? (
        <header className="bar">
          <Mark academy={session.academy} />
          <span className="bar-name">{session.academy.name}</span>
        </header>
      ) : null}
      <Outlet />
      <nav className="tabs">
        <Link to="/" className="tab" activeOptions={{ exact: true }}>
          <HomeIcon />
          {t("tabs.home")}
        </Link>
        {may(person, "homework.own") ? (
          <Link to="/homework" className="tab">
            <HomeworkIcon />
            {t("tabs.homework")}
          </Link>
        ) : null}
        {may(person, "lectures.watch") ? (
          <Link to="/lectures" className="tab">
            <LecturesIcon />
            {t("tabs.lectures")}
          </Link>
        ) : null}
        {may(person, "results.view_own") ? (
          <Link to="/results" className="tab">
            <ResultsIcon />
            {t("tabs.results")}
          </Link>
        ) : null}
        {may(person, "scans.submit") ? (
          <Link to="/hand-in" className="tab">
            <CameraIcon />
            {t("tabs.handIn")}
          </Link>
        ) : null}
        <Link to="/account" className="tab">
          <PersonIcon />
          {t("tabs.account")}
        </Link>
      </nav>
    </>
  );
}
