/** From and up to, in letters of the text. */
export type Range = readonly [start: number, end: number]

/**
 * The text of a configuration file for people who may read the policy, and not its secrets: `[secret]` stands where a
 * secret was written out, in a value or a comment. `${NAME}` stays: it tells where the secret comes from.
 * @param secrets values that the schema knows for secrets.
 */
export function showText(text: string, secrets: readonly Range[]): string {
  let shown = ''
  let from = 0
  for (const [start, end] of [...secrets].sort(([a], [b]) => a - b)) {
    // An alias can name the same place twice.
    if (start < from) continue
    shown += text.slice(from, start) + hideScalar(text.slice(start, end))
    from = end
  }
  shown += text.slice(from)
  return shown.replace(credentials, '//[secret]@').split('\n').map(hideInComment).join('\n')
}

/** Whether a value at this place is a secret. Names under `scopes` are the operator's own words. */
export const isSecretPlace = (path: readonly (string | number)[]): boolean =>
  path[0] !== 'scopes' && /secret|password/i.test(String(path.at(-1)))

function hideScalar(written: string): string {
  const bare = written.replace(/^(["'])([\s\S]*)\1$/, '$2')
  const variable = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}$/.exec(bare)
  if (variable === null) return '"[secret]"'
  return variable[2] === undefined || variable[2] === ':-' ? written : `"\${${variable[1]}:-[secret]}"`
}

/** A line that was taken out of use still says what it said. The sign is looked for first, so that each letter is read once. */
function hideInComment(line: string): string {
  const sign = line.indexOf('#')
  if (sign === -1) return line
  const named = secretNamed.exec(line.slice(sign))
  return named === null ? line : `${line.slice(0, sign + named.index)}${named[0]}[secret]`
}

/** The part of a URL that only its owner should see. */
const credentials = /\/\/[^/@\s"'{}]{1,1000}@/g
const secretNamed = /(?:secret|password|token)[\w-]{0,40}["']?[ \t]*[:=][ \t]*(?=[^\s#])/i
