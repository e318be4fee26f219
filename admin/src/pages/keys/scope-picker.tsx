import { Checkbox, Fieldset, Group, Radio, ScrollArea, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSettings } from '../../api/session.tsx'
import { groupScopes, holds, keysManage, type Preset, presetOf, readScopes, type Scope } from './scopes.ts'

/** What a key may do: one of the presets, or scopes picked from those that are declared, with what they are for. */
export function ScopePicker({
  value,
  onChange,
  mayManageKeys,
  error,
}: {
  value: readonly string[]
  onChange: (scopes: string[]) => void
  /** Whether keys:manage is offered. */
  mayManageKeys: boolean
  error?: string | undefined
}) {
  const settings = useSettings()
  const declared = settings.data?.scopes ?? []
  const forApi = value.filter((scope) => scope !== keysManage)
  const [custom, setCustom] = useState(() => presetOf(forApi, declared) === 'custom')
  const preset: Preset = custom ? 'custom' : presetOf(forApi, declared)
  const read = readScopes(declared)
  const manages = value.includes(keysManage)

  const choose = (next: Preset): void => {
    setCustom(next === 'custom')
    const kept = manages ? [keysManage] : []
    if (next === 'full') onChange(['*', ...kept])
    else if (next === 'read') onChange([...read, ...kept])
    // From "everything" one does not go on by taking away; from the others one does.
    else onChange([...forApi.filter((scope) => scope !== '*'), ...kept])
  }

  return (
    <Stack gap="xs">
      <Radio.Group
        label="What it may do"
        value={preset}
        onChange={(next) => choose(next as Preset)}
        error={error}
        required
      >
        <Group gap="md" mt={6}>
          {read.length > 0 && <Radio value="read" label="Read only" />}
          <Radio value="full" label="Everything" />
          <Radio value="custom" label="Picked scopes" />
        </Group>
      </Radio.Group>
      {preset === 'read' && (
        <Text size="xs" className="quiet">
          {read.join(', ')}
        </Text>
      )}
      {preset === 'full' && (
        <Text size="xs" className="quiet">
          Every scope, also those that are declared later.
        </Text>
      )}
      {preset === 'custom' && (
        <PickScopes value={forApi} declared={declared} onChange={(next) => onChange(withManage(next, manages))} />
      )}
      {mayManageKeys && settings.data?.self_service !== null && (
        <Checkbox
          size="sm"
          label="May also manage keys"
          description="keys:manage: makes and revokes keys of this organization over the API, none with more than it has itself."
          checked={manages}
          onChange={(event) => onChange(withManage(forApi, event.currentTarget.checked))}
        />
      )}
    </Stack>
  )
}

const withManage = (scopes: readonly string[], manages: boolean): string[] => [
  ...scopes,
  ...(manages ? [keysManage] : []),
]

function PickScopes({
  value,
  declared,
  onChange,
}: {
  value: readonly string[]
  declared: readonly Scope[]
  onChange: (scopes: string[]) => void
}) {
  const [search, setSearch] = useState('')
  const wanted = search.toLowerCase()
  const found = declared.filter((scope) => `${scope.name} ${scope.description}`.toLowerCase().includes(wanted))
  // What the configuration no longer declares stays visible as long as the key has it.
  const shown = new Set(groupScopes(declared).flatMap(({ prefix, scopes }) => [`${prefix}:*`, ...names(scopes)]))
  const others = value.filter((scope) => !shown.has(scope))
  const toggle = (scope: string, on: boolean): void =>
    onChange(on ? [...value, scope] : value.filter((one) => one !== scope))

  const isGroup = (prefix: string, scopes: readonly Scope[]): boolean =>
    prefix !== '' && (scopes.length > 1 || value.includes(`${prefix}:*`))

  return (
    <Fieldset p="sm" legend={<span className="quiet">{picked(value.length)}</span>}>
      {declared.length > 10 && (
        <TextInput
          size="xs"
          mb="xs"
          placeholder="Find a scope"
          aria-label="Find a scope"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <ScrollArea.Autosize mah={300} type="auto">
        <Stack gap="sm">
          {groupScopes(found).map(({ prefix, scopes }) => (
            <Stack key={prefix} gap={6}>
              {isGroup(prefix, scopes) && (
                <Checkbox
                  size="sm"
                  label={<Text size="sm">{`Everything under ${prefix}`}</Text>}
                  description={<span className="mono">{`${prefix}:*`}</span>}
                  checked={value.includes(`${prefix}:*`)}
                  onChange={(event) => toggle(`${prefix}:*`, event.currentTarget.checked)}
                />
              )}
              {scopes.map(({ name, description }) => (
                <Checkbox
                  key={name}
                  size="sm"
                  ml={isGroup(prefix, scopes) ? 'lg' : 0}
                  label={<span className="mono">{name}</span>}
                  description={description}
                  checked={holds(value, name)}
                  disabled={!value.includes(name) && holds(value, name)}
                  onChange={(event) => toggle(name, event.currentTarget.checked)}
                />
              ))}
            </Stack>
          ))}
          {others.map((name) => (
            <Checkbox
              key={name}
              size="sm"
              label={<span className="mono">{name}</span>}
              description={
                name.endsWith('*')
                  ? 'Everything that begins so.'
                  : 'Not declared any more: once taken away it can’t be given back.'
              }
              checked
              onChange={() => toggle(name, false)}
            />
          ))}
          {declared.length === 0 && (
            <Text size="sm" className="quiet">
              The configuration declares no scopes: a key is good for every route that asks for a key.
            </Text>
          )}
        </Stack>
      </ScrollArea.Autosize>
    </Fieldset>
  )
}

const names = (scopes: readonly Scope[]): string[] => scopes.map(({ name }) => name)
const picked = (count: number): string => (count === 0 ? 'None picked yet' : `${count} picked`)
