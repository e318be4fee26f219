/** Enough of a key to tell it from others, and no more. */
export const masked = ({ key_prefix, key_suffix }: { key_prefix: string; key_suffix: string }): string =>
  `${key_prefix}…${key_suffix}`

export const Masked = (of: { key_prefix: string; key_suffix: string }) => (
  <span className="mono" style={{ whiteSpace: 'nowrap' }}>
    {masked(of)}
  </span>
)

/** What has to be typed before something that can't be undone: the name, where it can be typed. */
export const typedFor = (name: string, otherwise: string): string =>
  name.length <= 40 && /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(name) ? name : otherwise
