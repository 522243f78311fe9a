/** Times, points and numbers as people here read them. Times are the academies', whatever the phone's. */
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

/** "+821012345678" is 010-1234-5678; a number of another country stays as it is. */
export function phoneNumber(international: string): string {
  return international.replace(/^\+82(\d{2})(\d{3,4})(\d{4})$/, "0$1-$2-$3");
}
