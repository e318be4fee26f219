/** A patch of a colour, beside the word for what it stands for. */
export const Swatch = ({ colour }: { colour: string }) => (
  <span className="swatch" style={{ background: colour }} aria-hidden />
)
