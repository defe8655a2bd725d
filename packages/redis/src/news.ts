import type { Knowledge } from './knowledge.ts'
import type { Known, Message } from './messages.ts'

/** What a leader tells the others of what members have heard. */
export interface News {
  /** How many may be in flight, as the members were told. */
  ceiling: number | undefined
  /** Something was heard by one of them. */
  spread(known: readonly Known[], from: string): void
  /** Others have come. */
  welcome(newcomers: readonly string[]): void
}

interface Context {
  readonly me: string
  readonly members: () => readonly string[]
  readonly knowledge: Knowledge
  /** As the leader knows it. */
  readonly ceiling: () => number | undefined
  readonly post: (to: string, message: Message, forSoon?: boolean) => void
}

export const newNews = ({ me, members, knowledge, ceiling, post }: Context): News => {
  const news: News = {
    ceiling: undefined,
    spread: (known, from) => {
      const before = news.ceiling
      news.ceiling = ceiling()
      const isNew = news.ceiling !== before
      if (known.length === 0 && !isNew) return
      for (const to of members())
        if (to !== me && (to !== from || isNew)) post(to, { to: 'member', type: 'known', known, ceiling: news.ceiling })
    },
    welcome: (newcomers) => {
      for (const to of newcomers)
        post(to, { to: 'member', type: 'known', known: knowledge.list(), ceiling: ceiling() }, false)
    },
  }
  return news
}
