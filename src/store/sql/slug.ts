/**
 * A slug made from a name: `Äpfel & Co` → `apfel-co`. Where it is taken a number goes behind it, and a random tail where
 * the first hundred are taken too.
 */
export async function freeSlug(
  name: string,
  fallback: string,
  isTaken: (slug: string) => Promise<boolean>,
  randomTail: () => string,
): Promise<string> {
  const base = slugify(name) || fallback
  if (!(await isTaken(base))) return base
  for (let number = 2; number <= 100; number++) {
    const slug = `${base}-${number}`
    if (!(await isTaken(slug))) return slug
  }
  return `${base}-${randomTail()}`
}

const slugify = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '')
