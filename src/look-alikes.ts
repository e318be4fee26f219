/** A way in which upstreams are known to change the text of a path before they look it up. */
export interface LookAlike {
  look(text: string): string
  /** What a text must hold for this to come to anything that those before have not come to. */
  readonly concerns: Concern
}

/** Letters that have a case; spaces; what is not ASCII; what Unicode has another form for. */
export type Concern = keyof typeof holds

/**
 * They fold case, leave out spaces or non-ASCII or both, normalise (NFKC: `／` and `ａ` become `/` and `a`), in every
 * combination. Applied to paths and patterns alike.
 */
export const lookAlikes: readonly LookAlike[] = combine()

/** What of it there is in a text that is decoded. */
export function concernsOf(text: string): ReadonlySet<Concern> {
  const found = new Set<Concern>()
  for (const concern of concerns) if (holds[concern](text)) found.add(concern)
  return found
}

/**
 * How an upstream may divide a text that it has made of a path: as it stands, or cut at what separates or ends a path to
 * some and came out of a normalisation; and the same once more where escapes have come out.
 * @returns lists of segments, empty ones left out; undefined where one of them has dot segments, which are of no route.
 */
export function readingsOf(text: string, look: (text: string) => string): readonly (readonly string[])[] | undefined {
  const readings: string[][] = []
  for (const form of escapes.test(text) ? [text, look(decodeAgain(text))] : [text]) {
    for (const cut of special.test(form) ? [form, cutShort(form)] : [form]) {
      if (dotSegment.test(cut)) return undefined
      readings.push(cut.split('/').filter((segment) => segment !== ''))
    }
  }
  return readings
}

function combine(): LookAlike[] {
  // Through upper case: `ſ` and `K` fold to ASCII only one way. From lower case: so does `ẞ`, which is `ß` and so SS.
  const foldCase = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase()
  const normalise = (text: string): string => text.normalize('NFKC')
  const leavingOut = [
    ['spaces', /[\p{Cc} \xa0]+/gu],
    ['nonAscii', /\P{ASCII}+/gu],
    ['nonAscii', /[^!-~]+/g],
  ] as const
  const all: LookAlike[] = [
    { concerns: 'case', look: foldCase },
    { concerns: 'forms', look: normalise },
    { concerns: 'forms', look: (text) => foldCase(normalise(text)) },
  ]
  for (const first of [undefined, normalise]) {
    for (const [what, unwanted] of leavingOut) {
      const leaveOut = (text: string): string => text.replace(unwanted, '')
      // In both orders: `K` is a k when folded first, and nothing when left out first.
      for (const change of [
        leaveOut,
        (text: string) => leaveOut(foldCase(text)),
        (text: string) => foldCase(leaveOut(text)),
      ]) {
        all.push(first ? { concerns: 'forms', look: (text) => change(first(text)) } : { concerns: what, look: change })
      }
    }
  }
  return all
}

const holds = {
  case: (text: string): boolean => /[A-Z]|\P{ASCII}/u.test(text),
  spaces: (text: string): boolean => /[\p{Cc} \xa0]/u.test(text),
  nonAscii: (text: string): boolean => /\P{ASCII}/u.test(text),
  forms: (text: string): boolean => text.normalize('NFKC') !== text,
}
const concerns = Object.keys(holds) as Concern[]

const dotSegment = /(?:^|\/)\.\.?(?:\/|$)/
const special = /[\\;?#\p{Cc}]/u
const cutShort = (text: string): string =>
  text
    .replace(/[?#\0].*$/s, '')
    .replaceAll('\\', '/')
    .replace(/;[^/]*/g, '')

const escapes = /%[0-9a-f]{2}/i
const decodeAgain = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
