export type Environment = Readonly<Record<string, string | undefined>>

export type Substituted =
  /** `values`: what the environment gave. */
  | { readonly ok: true; readonly text: string; readonly values: readonly string[] }
  /** One complaint for each reference that can't be replaced. */
  | { readonly ok: false; readonly complaints: readonly string[] }

/**
 * Replaces `${NAME}` and `${NAME:-default}` (also used when NAME is empty, as in a shell); `$${` stands for `${`.
 * What comes in is never looked at again: a variable can't bring in another one.
 */
export function substitute(text: string, env: Environment): Substituted {
  const complaints: string[] = []
  const values: string[] = []
  const result = text.replace(reference, (whole, escaped, name, fallback) => {
    if (escaped !== undefined) return '${'
    if (name === undefined) {
      complaints.push(
        `${JSON.stringify(whole)} is not a variable; write \${NAME} or \${NAME:-default}, and $\${ for a plain \${`,
      )
      return ''
    }
    const value = env[name]
    if (value !== undefined && (value !== '' || fallback === undefined)) {
      values.push(value)
      return value
    }
    if (fallback !== undefined) return fallback
    complaints.push(
      `the environment has no ${name}; set it, or write \${${name}:-default} with a value to fall back on`,
    )
    return ''
  })
  return complaints.length === 0 ? { ok: true, text: result, values } : { ok: false, complaints }
}

/** Whether `substitute` has anything to do. */
export const hasVariables = (text: string): boolean => text.includes('${')

const reference = /(\$\$\{)|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|[^}]{0,40}\}?)/g
