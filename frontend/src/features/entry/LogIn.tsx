import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../../api/session";
import { LANGUAGES, type Language, speak } from "../../i18n";
import { Mark } from "../../shell/Mark";
import { ByCode } from "./ByCode";
import { ByPassword } from "./ByPassword";
import { FirstPassword } from "./FirstPassword";
import { ResetPassword } from "./ResetPassword";
import { EnrolSecondFactor, ShowSecondFactor } from "./SecondFactor";

export type Way = "code" | "password" | "reset";

/** From "who are you" to the first page: phone, code or password, second factor, a first password. */
export function LogIn() {
  const { i18n } = useTranslation();
  const session = useSession();
  const { to } = useSearch({ from: "/log-in" });
  const [way, setWay] = useState<Way>("code");
  const [phone, setPhone] = useState("");
  const [isLater, setLater] = useState(false);
  const [recoveryCodes, setRecoveryCodes] = useState<readonly string[] | null>(null);
  if (!session) return null;

  const { academy, person } = session;
  const other: Language = i18n.language === "ko" ? "en" : "ko";
  const step = (): React.ReactNode => {
    if (recoveryCodes || person?.second_factor_due === "set_up") {
      return <EnrolSecondFactor codes={recoveryCodes} onCodes={setRecoveryCodes} />;
    }
    if (person?.second_factor_due) return <ShowSecondFactor />;
    if (person && !person.has_password && !isLater) {
      return <FirstPassword name={person.name} onLater={() => setLater(true)} />;
    }
    if (person) return <Leave to={to ?? "/"} />;
    const shared = { phone, onPhone: setPhone, onWay: setWay };
    if (way === "password") return <ByPassword {...shared} />;
    if (way === "reset") return <ResetPassword {...shared} />;
    return <ByCode {...shared} />;
  };

  return (
    <main className="entry">
      <Mark academy={academy} className="entry-mark" />
      <h1 style={{ fontSize: "1.5rem", margin: "0.75rem 0 1.25rem" }}>{academy.name}</h1>
      {step()}
      <p style={{ textAlign: "center", margin: "1.5rem 0 0" }}>
        <button type="button" className="language" lang={other} onClick={() => speak(other)}>
          {LANGUAGES[other]}
        </button>
      </p>
    </main>
  );
}

/** To where one wanted to go, as an address with all that belongs to it. */
function Leave({ to }: { to: string }) {
  const router = useRouter();
  useEffect(() => router.history.replace(to), [router, to]);
  return null;
}
