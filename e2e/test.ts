// Playwright's `test` with the talk's two browsers: the presenter's, which is paired, and a viewer's.
import type { BrowserContext, Page } from '@playwright/test'
import { test as base, expect } from '@playwright/test'

export { expect }

/** What no page of the deck may do. */
export class PageErrors {
  private readonly messages: string[] = []
  private readonly expected: RegExp[] = []

  /** Listens to all pages of a context. */
  follow(context: BrowserContext, origin: string): void {
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()))
        this.messages.push(`console ${message.type()}: ${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => { this.messages.push(`uncaught: ${error.error().stack ?? error.error().message}`) })
    context.on('request', (request) => { this.checkRequest(request.url(), origin) })
    context.on('page', (page) => { page.on('websocket', (socket) => { this.checkRequest(socket.url().replace(/^ws/, 'http'), origin) }) })
  }

  /** An error that belongs to what the test does. */
  expect(pattern: RegExp): void {
    this.expected.push(pattern)
  }

  check(): void {
    expect(this.messages.filter(message => !this.expected.some(pattern => pattern.test(message)))).toEqual([])
  }

  private checkRequest(url: string, origin: string): void {
    if (!url.startsWith(`${origin}/`) && !/^(?:data|blob|about):/.test(url))
      this.messages.push(`request to elsewhere: ${url}`)
  }
}

interface Fixtures {
  pageErrors: PageErrors
  presenter: Page
  viewer: Page
  viewerContext: BrowserContext
}

// The server is started after the configuration was read: where it is comes by the environment.
export const test = base.extend<Fixtures>({
  baseURL: async ({}, use) => { // eslint-disable-line no-empty-pattern -- Playwright wants a pattern
    await use(process.env['DEMO_URL'])
  },
  storageState: async ({}, use) => { // eslint-disable-line no-empty-pattern
    await use(process.env['DEMO_PRESENTER'])
  },
  pageErrors: async ({}, use) => { // eslint-disable-line no-empty-pattern -- Playwright wants a pattern
    const pageErrors = new PageErrors()
    await use(pageErrors)
    pageErrors.check()
  },
  context: async ({ context, pageErrors, baseURL }, use) => {
    pageErrors.follow(context, baseURL ?? '')
    await use(context)
  },
  presenter: async ({ context }, use) => {
    await use(await context.newPage())
  },
  viewerContext: async ({ browser, pageErrors, baseURL }, use) => {
    const context = await browser.newContext({ storageState: undefined, baseURL })
    pageErrors.follow(context, baseURL ?? '')
    await use(context)
    await context.close()
  },
  viewer: async ({ viewerContext }, use) => {
    await use(await viewerContext.newPage())
  },
})
