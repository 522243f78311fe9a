/** Times as people here read them: the academies' time, whatever the phone's. */
export function day(iso: string, language: string): string {
  return format(iso, language, { month: "long", day: "numeric" });
}

export function moment(iso: string, language: string): string {
  return format(iso, language, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
}

function format(iso: string, language: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(language, { timeZone: "Asia/Seoul", ...options }).format(new Date(iso));
}

/** "1.00" is 1, "2.50" is 2.5: points without zeros that say nothing. */
export function points(decimal: string): string {
  return String(Number(decimal));
}
