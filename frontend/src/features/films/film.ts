/** Which files are films that the academy takes. */
const LARGEST_BYTES = 2048 * 1024 * 1024;
const TYPES: Readonly<Record<string, string>> = {
  mp4: "video/mp4",
  m4v: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
};

export class NotAFilm extends Error {}
export class EmptyFilm extends Error {}
export class FilmTooLarge extends Error {}

/** By what the file is called: phones give some no type, or one of their own. Raises one of the three. */
export function filmTypeOf(file: Pick<File, "name" | "type" | "size">): string {
  const ending = /\.([a-z0-9]+)$/i.exec(file.name)?.[1]?.toLowerCase() ?? "";
  const type = TYPES[ending] ?? file.type.split(";")[0]!;
  if (!Object.values(TYPES).includes(type)) throw new NotAFilm(file.name);
  if (!file.size) throw new EmptyFilm(file.name);
  if (file.size > LARGEST_BYTES) throw new FilmTooLarge(file.name);
  return type;
}
