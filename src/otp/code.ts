/** Is this the shape of a code? ASCII digits only: full-width and other digits are not what an authenticator shows. */
export function isCode(text: string, digits: number): boolean {
  return text.length === digits && /^[0-9]+$/.test(text);
}
