import {
  ActionIcon,
  AppShell,
  Avatar,
  Box,
  Burger,
  Button,
  Group,
  Kbd,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
  VisuallyHidden,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useLogOut, useMe } from '../api/session.tsx'
import { Icon } from '../components/icon.tsx'
import { PageBoundary } from '../components/page-boundary.tsx'
import { useLeave } from './leave-guard.tsx'
import mark from './mark.svg'
import { OrganizationSwitcher } from './organization-switcher.tsx'
import { instancePlaces, type Place, placesOf } from './places.ts'
import { useOrganizationId } from './use-organization.ts'
import { modKey, useShortcuts } from './use-shortcuts.ts'

const Palette = lazy(() => import('./palette.tsx'))
const ShortcutHelp = lazy(() => import('./shortcut-help.tsx'))

/** What stands around every page: where one is, where one can go, and who one is. */
export function Shell({ children }: { children: ReactNode }) {
  const me = useMe()
  const organizationId = useOrganizationId()
  const [location] = useLocation()
  const [opened, { toggle, close }] = useDisclosure(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page: the menu of small screens closes
  useEffect(close, [location, close])
  const [over, setOver] = useState<'palette' | 'help' | undefined>(undefined)
  const put = useCallback(() => setOver(undefined), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page: what was said of a palette that can’t be had goes
  useEffect(put, [location, put])
  const onHelp = useCallback(() => setOver('help'), [])
  const onPalette = useCallback(() => setOver('palette'), [])
  const ofOrganization = useMemo(() => placesOf(organizationId), [organizationId])
  const places = useMemo(
    () => (me.is_root ? [...ofOrganization, ...instancePlaces] : ofOrganization),
    [ofOrganization, me.is_root],
  )
  useShortcuts({ places, onHelp, onPalette })

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
            <Button
              variant="default"
              size="compact-md"
              visibleFrom="sm"
              c="var(--quiet)"
              fz="sm"
              leftSection={<Icon name="search" size={15} />}
              rightSection={
                <Kbd size="xs" aria-hidden>
                  {modKey} K
                </Kbd>
              }
              onClick={onPalette}
              title="Find a page, an organization or a key"
            >
              Find
            </Button>
            <ColorSchemeToggle />
            <AccountMenu onHelp={onHelp} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar bg="var(--surface)" p="xs" aria-label="Pages">
        <ScrollArea>
          <Entries places={ofOrganization} location={location} />
          {me.is_root && (
            <>
              <Text size="xs" fw={600} className="quiet" px="sm" pt={organizationId === undefined ? 4 : 'lg'} pb={4}>
                Instance
              </Text>
              <Entries places={instancePlaces} location={location} />
            </>
          )}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <Box maw={1280} mx="auto">
          {/* Where their files can’t be had the page stays, with what is on it. */}
          <PageBoundary at={over ?? ''}>
            <Suspense>
              {over === 'palette' && <Palette organizationId={organizationId} isRoot={me.is_root} onClose={put} />}
              {over === 'help' && <ShortcutHelp places={places} onClose={put} />}
            </Suspense>
          </PageBoundary>
          {children}
        </Box>
      </AppShell.Main>
    </AppShell>
  )
}

function Entries({ places, location }: { places: readonly Place[]; location: string }) {
  return places.map(({ label, icon, to, hotkey }) => {
    const isOverview = /^\/o\/[^/]+$/.test(to)
    const active = location === to || (!isOverview && location.startsWith(`${to}/`))
    return (
      <NavLink
        key={to}
        component={Link}
        href={to}
        label={label}
        active={active}
        aria-current={active ? 'page' : undefined}
        leftSection={<Icon name={icon} />}
        {...(hotkey !== undefined && { 'aria-keyshortcuts': `g ${hotkey}` })}
      />
    )
  })
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

function AccountMenu({ onHelp }: { onHelp: () => void }) {
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
        <Menu.Item
          onClick={onHelp}
          leftSection={<Icon name="keyboard" />}
          rightSection={<Kbd size="xs">?</Kbd>}
          visibleFrom="sm"
        >
          Keyboard
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => leave(() => void logOut())} leftSection={<Icon name="out" />}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
