/** What makes one academy's app look different from the next one's. */

/** Each reads white text, and text on white, at more than 5 to 1. */
const COLOURS = ["#1d4f91", "#0b6272", "#2b6a30", "#7a2a8c", "#9c1c46", "#96400c", "#3b46b0", "#57408f"] as const;

/** Always the same for one academy. */
export function colourOf(slug: string): string {
  let hash = 0;
  for (const letter of slug) hash = (hash * 31 + letter.codePointAt(0)!) >>> 0;
  return COLOURS[hash % COLOURS.length]!;
}

/** Names and colours the page. By single properties, since the page's policy allows no style elements. */
export function brand({ slug, name, colour: chosen }: { slug: string; name: string; colour: string }): void {
  document.title = name;
  const colour = chosen || colourOf(slug); // the academy's own was checked when it was chosen
  const tinted = (percent: number): string => `color-mix(in srgb, ${colour} ${percent}%, white)`;
  const style = document.documentElement.style;
  style.setProperty("--mantine-primary-color-filled", colour);
  style.setProperty("--mantine-primary-color-filled-hover", `color-mix(in srgb, ${colour} 88%, black)`);
  style.setProperty("--mantine-primary-color-light", tinted(10));
  style.setProperty("--mantine-primary-color-light-hover", tinted(16));
  style.setProperty("--mantine-primary-color-light-color", colour);
  style.setProperty("--mantine-color-anchor", colour);
  // Mantine's variants of the primary colour go by its name in the theme.
  style.setProperty("--mantine-color-blue-filled", colour);
  style.setProperty("--mantine-color-blue-light", tinted(10));
  style.setProperty("--mantine-color-blue-light-hover", tinted(16));
  style.setProperty("--mantine-color-blue-light-color", colour);
}
