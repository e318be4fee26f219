import {
  ActionIcon,
  AppShell,
  Avatar,
  Box,
  Burger,
  Group,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
  VisuallyHidden,
} from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { type ReactNode, useEffect } from 'react'
import { Link, useLocation } from 'wouter'
import { useLogOut, useMe } from '../api/session.tsx'
import { Icon, type IconName } from '../components/icon.tsx'
import { useLeave } from './leave-guard.tsx'
import mark from './mark.svg'
import { OrganizationSwitcher } from './organization-switcher.tsx'
import { useOrganizationId } from './use-organization.ts'

interface Entry {
  readonly label: string
  readonly icon: IconName
  /** Below `/o/:org` for those of an organization. */
  readonly to: string
  /** Key that opens it after g. */
  readonly hotkey?: string
}

const ofOrganization: readonly Entry[] = [
  { label: 'Overview', icon: 'overview', to: '', hotkey: 'o' },
  { label: 'API keys', icon: 'key', to: '/keys', hotkey: 'k' },
  { label: 'Requests', icon: 'requests', to: '/requests', hotkey: 'r' },
  { label: 'Service accounts', icon: 'robot', to: '/service-accounts' },
  { label: 'Workspaces', icon: 'box', to: '/workspaces' },
  { label: 'Members', icon: 'people', to: '/members' },
  { label: 'Webhooks', icon: 'webhook', to: '/webhooks' },
  { label: 'Jobs', icon: 'jobs', to: '/jobs' },
  { label: 'Events', icon: 'events', to: '/events' },
  { label: 'Settings', icon: 'settings', to: '/settings' },
]

const ofInstance: readonly Entry[] = [
  { label: 'Overview', icon: 'overview', to: '/overview' },
  { label: 'Policy', icon: 'policy', to: '/policy', hotkey: 'p' },
  { label: 'Explain', icon: 'explain', to: '/explain', hotkey: 'e' },
  { label: 'All requests', icon: 'requests', to: '/requests' },
  { label: 'Organizations', icon: 'building', to: '/organizations' },
  { label: 'Operators', icon: 'people', to: '/operators' },
  { label: 'Events', icon: 'events', to: '/events' },
]

/** What stands around every page: where one is, where one can go, and who one is. */
export function Shell({ children }: { children: ReactNode }) {
  const me = useMe()
  const organizationId = useOrganizationId()
  const [location] = useLocation()
  const [opened, { toggle, close }] = useDisclosure(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page: the menu of small screens closes
  useEffect(close, [location, close])
  useGoTo(organizationId, me.is_root)

  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="lg"
    >
      <a href="#main" className="skip-link">
        Skip to the page
      </a>
      <AppShell.Header bg="var(--surface)">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Link href="/" aria-label="Sallyport: start page" style={{ textDecoration: 'none' }}>
              <Group gap={8} wrap="nowrap">
                <img src={mark} width={24} height={24} alt="" />
                <Text fw={600} c="var(--mantine-color-text)" visibleFrom="xs">
                  Sallyport
                </Text>
              </Group>
            </Link>
            <OrganizationSwitcher organizationId={organizationId} />
          </Group>
          <Group gap="xs" wrap="nowrap" style={{ flexShrink: 0 }}>
            <ColorSchemeToggle />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar bg="var(--surface)" p="xs" aria-label="Pages">
        <ScrollArea>
          {organizationId !== undefined && (
            <Entries entries={ofOrganization} base={`/o/${organizationId}`} location={location} />
          )}
          {me.is_root && (
            <>
              <Text size="xs" fw={600} className="quiet" px="sm" pt={organizationId === undefined ? 4 : 'lg'} pb={4}>
                Instance
              </Text>
              <Entries entries={ofInstance} base="" location={location} />
            </>
          )}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <Box maw={1280} mx="auto">
          {children}
        </Box>
      </AppShell.Main>
    </AppShell>
  )
}

function Entries({ entries, base, location }: { entries: readonly Entry[]; base: string; location: string }) {
  return entries.map(({ label, icon, to, hotkey }) => {
    const href = `${base}${to}`
    const active = to === '' ? location === href : location === href || location.startsWith(`${href}/`)
    return (
      <NavLink
        key={href}
        component={Link}
        href={href}
        label={label}
        active={active}
        aria-current={active ? 'page' : undefined}
        leftSection={<Icon name={icon} />}
        {...(hotkey !== undefined && { 'aria-keyshortcuts': `g ${hotkey}` })}
      />
    )
  })
}

/** g and then a letter, as on other consoles; / goes to the search of the page. */
function useGoTo(organizationId: string | undefined, isRoot: boolean): void {
  const [, go] = useLocation()
  useEffect(() => {
    let armed = false
    let timer = 0
    const entries = [
      ...(organizationId === undefined
        ? []
        : ofOrganization.map((entry) => ({ ...entry, to: `/o/${organizationId}${entry.to}` }))),
      ...(isRoot ? ofInstance : []),
    ]
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement
      if (
        event.metaKey ||
        event.ctrlKey ||
        event.altKey ||
        target.closest('input, textarea, select, [contenteditable], [role=dialog]')
      )
        return
      if (armed) {
        armed = false
        const entry = entries.find(({ hotkey }) => hotkey === event.key)
        if (entry !== undefined) go(entry.to)
      } else if (event.key === 'g') {
        armed = true
        window.clearTimeout(timer)
        timer = window.setTimeout(() => {
          armed = false
        }, 1500)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
      window.clearTimeout(timer)
    }
  }, [organizationId, isRoot, go])
  useHotkeys([['/', () => document.querySelector<HTMLInputElement>('input[type=search]')?.focus()]])
}

function ColorSchemeToggle() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <Tooltip label={`Use the ${other} colours`}>
      <ActionIcon
        variant="default"
        size="lg"
        onClick={() => setColorScheme(other)}
        aria-label={`Use the ${other} colours`}
      >
        <Icon name={scheme === 'dark' ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  )
}

function AccountMenu() {
  const me = useMe()
  const logOut = useLogOut()
  const leave = useLeave()
  const name = me.name ?? me.email ?? 'Admin token'
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="transparent" size="lg">
          <Avatar size={30} radius="xl" color="harbour" name={name} alt="" aria-hidden />
          <VisuallyHidden>Account: {name}</VisuallyHidden>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}
          {me.email !== null && <div>{me.email}</div>}
        </Menu.Label>
        <Menu.Item component={Link} href="/account" leftSection={<Icon name="settings" />}>
          Account
        </Menu.Item>
        <Menu.Item component="a" href="/docs" target="_blank" leftSection={<Icon name="events" />}>
          API reference
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => leave(() => void logOut())} leftSection={<Icon name="out" />}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
