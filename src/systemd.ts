import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Tells systemd that the server can be used (Type=notify), if it was started to. Node opens no sockets of the kind that systemd
 * listens on; the program systemd-notify does, and comes with it.
 * @param socket the value of NOTIFY_SOCKET
 * @throws when there is no such program, or it failed
 */
export async function notifyReady(socket: string | undefined): Promise<void> {
  if (socket) await promisify(execFile)('systemd-notify', ['--ready'])
}
