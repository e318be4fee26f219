import { TextInput, type TextInputProps } from '@mantine/core'

/** What somebody calls it: of any length that the admin API takes. */
export const NameInput = ({ onChange, ...props }: NameInputProps) => (
  <TextInput
    label="Name"
    maxLength={200}
    autoComplete="off"
    required
    onChange={(event) => onChange(event.currentTarget.value)}
    {...props}
  />
)

interface NameInputProps extends Omit<TextInputProps, 'value' | 'onChange'> {
  value: string
  onChange(value: string): void
}
