import { Badge, ScrollArea, Skeleton, Stack, Tabs } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useMe } from '../api/session.tsx'
import { CopyText } from '../components/copy-text.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Page } from '../components/page.tsx'
import { Time } from '../components/time.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import NotFoundPage from './not-found.tsx'
import { FileTab } from './policy/file-tab.tsx'
import { ReloadButton, ReloadNote, useReload } from './policy/reload.tsx'
import { RoutesTab } from './policy/routes-tab.tsx'
import { ShadowTab } from './policy/shadow-tab.tsx'
import { LimitsTab, ScopesTab, UpstreamsTab } from './policy/tables.tsx'
import { TryTab } from './policy/try-tab.tsx'
import { type Policy, usePolicy } from './policy/use-policy.ts'

const tabs = ['routes', 'scopes', 'limits', 'upstreams', 'shadow', 'file', 'try'] as const

/** The configuration in force, and a look at the next one. */
export default function PolicyPage() {
  const me = useMe()
  const { data, error, refetch } = usePolicy()
  const reload = useReload()
  if (!me.is_root) return <NotFoundPage />
  return (
    <Page
      title="Policy"
      about={
        data === undefined ? (
          'Who may call what.'
        ) : (
          <>
            Who may call what: {data.file === null ? 'the configuration' : <span className="mono">{data.file}</span>},
            version <CopyText text={data.version} shown={data.version.slice(0, 12)} label="Copy the version" />, in
            force since <Time at={data.since} />.
          </>
        )
      }
      actions={data !== undefined && <ReloadButton policy={data} reload={reload} />}
    >
      {data !== undefined ? (
        <>
          <ReloadNote policy={data} reload={reload} />
          <PolicyTabs policy={data} />
        </>
      ) : error !== null ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : (
        <Stack aria-busy="true">
          <Skeleton h={40} />
          <Skeleton h={480} />
        </Stack>
      )}
    </Page>
  )
}

function PolicyTabs({ policy }: { policy: Policy }) {
  const [{ tab, q }, change] = useQueryState(['tab', 'q'])
  const list = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone the tabs are wider than the page
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [tab])
  const shadowed = policy.routes.filter(({ shadow }) => shadow).length
  return (
    <Tabs
      value={tabs.find((name) => name === tab) ?? 'routes'}
      onChange={(next) => change({ tab: next === 'routes' ? '' : (next ?? '') })}
      keepMounted={false}
    >
      <ScrollArea type="never">
        <Tabs.List ref={list} mb="md" style={{ flexWrap: 'nowrap', minWidth: 'max-content' }}>
          <Tabs.Tab value="routes">Routes</Tabs.Tab>
          <Tabs.Tab value="scopes">Scopes</Tabs.Tab>
          <Tabs.Tab value="limits">Limits</Tabs.Tab>
          <Tabs.Tab value="upstreams">Upstreams</Tabs.Tab>
          <Tabs.Tab
            value="shadow"
            rightSection={
              shadowed > 0 && (
                <Badge size="sm" color="yellow">
                  {shadowed}
                </Badge>
              )
            }
          >
            Shadow
          </Tabs.Tab>
          <Tabs.Tab value="file">File</Tabs.Tab>
          <Tabs.Tab value="try">Try a file</Tabs.Tab>
        </Tabs.List>
      </ScrollArea>
      <Tabs.Panel value="routes">
        <RoutesTab policy={policy} q={q} onSearch={(next) => change({ q: next })} />
      </Tabs.Panel>
      <Tabs.Panel value="scopes">
        <ScopesTab policy={policy} />
      </Tabs.Panel>
      <Tabs.Panel value="limits">
        <LimitsTab policy={policy} />
      </Tabs.Panel>
      <Tabs.Panel value="upstreams">
        <UpstreamsTab policy={policy} />
      </Tabs.Panel>
      <Tabs.Panel value="shadow">
        <Stack>
          <ShadowTab policy={policy} />
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="file">
        <FileTab policy={policy} />
      </Tabs.Panel>
      {/* What was pasted is still there after a look at another tab. */}
      <Tabs.Panel value="try" keepMounted>
        <TryTab policy={policy} />
      </Tabs.Panel>
    </Tabs>
  )
}
