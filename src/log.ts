import { pino } from 'pino'
import type { Logger } from 'pino'
import type { Settings } from './settings.ts'

/** JSON lines in production, readable lines in development; on standard output either way. */
export const createLog = ({ production, logLevel }: Settings): Logger =>
  production
    ? pino({ level: logLevel })
    : pino({
        level: logLevel,
        transport: { target: 'pino-pretty', options: { colorize: process.stdout.isTTY, ignore: 'pid,hostname' } },
      })
