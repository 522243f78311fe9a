import type { Session } from "../api/session";

/** The academy's logo, or the first letter of its name, which stands beside it in any case. */
export function Mark({ academy, className }: { academy: Session["academy"]; className?: string }) {
  if (academy.logo) return <img className={`logo ${className ?? ""}`} src={academy.logo} alt="" />;
  return (
    <span className={`bar-mark ${className ?? ""}`} aria-hidden="true">
      {[...academy.name][0]}
    </span>
  );
}
