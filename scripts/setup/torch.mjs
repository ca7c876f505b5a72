// Where PyTorch comes from. Its plain Linux build brings gigabytes of CUDA, so it is chosen.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from './failure.mjs'
import { ROOT } from './paths.mjs'

/** PyTorch's own index of builds without CUDA. */
export const CPU_INDEX = 'https://download.pytorch.org/whl/cpu'

const CHOICES = {
  cuda: 'the CUDA build, for the NVIDIA GPU of this machine',
  cpu: "the CPU build, from PyTorch's own index",
  plain: "the package index's own build",
}

/** What the packages take on the disk with it, with what pip needs for a while. */
const WITHOUT_CUDA_BYTES = 3e9
const WITH_CUDA_BYTES = 10e9

/** The pinned version, as pyproject.toml has it. */
export function torchVersion() {
  return readFileSync(join(ROOT, 'pyproject.toml'), 'utf8').match(/"torch==([^"]+)"/)[1]
}

/**
 * Which build to install; DEMO_TORCH (cuda, cpu or plain) decides where it is set.
 * @returns {Promise<{kind: 'cuda' | 'cpu' | 'plain', why: string, bytes: number}>}
 */
export async function chooseTorch(situation = {}) {
  const { kind, why } = await choose(situation)
  const mayBeCuda = kind !== 'cpu' && (situation.platform ?? process.platform) === 'linux'
  return { kind, why, bytes: mayBeCuda ? WITH_CUDA_BYTES : WITHOUT_CUDA_BYTES }
}

async function choose({ env = process.env, platform = process.platform, gpu = hasNvidia, answers = cpuIndexAnswers }) {
  if (env.DEMO_TORCH) {
    if (!(env.DEMO_TORCH in CHOICES)) {
      throw new Failure(`DEMO_TORCH=${env.DEMO_TORCH} is not valid: set it to ${Object.keys(CHOICES).join(', ')}, or unset it.`)
    }
    return { kind: env.DEMO_TORCH, why: `${CHOICES[env.DEMO_TORCH]}, set by DEMO_TORCH` }
  }
  if (platform === 'darwin') return { kind: 'plain', why: 'the build for Apple Silicon' }
  if (gpu()) return { kind: 'cuda', why: CHOICES.cuda }
  if (await answers()) return { kind: 'cpu', why: CHOICES.cpu }
  return { kind: 'plain', why: `${CHOICES.plain}, because PyTorch's CPU index does not answer; it may include CUDA, which is large` }
}

function hasNvidia() {
  return ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/usr/lib/wsl/lib/nvidia-smi'].some((path) => existsSync(path))
}

async function cpuIndexAnswers() {
  try {
    const answer = await fetch(`${CPU_INDEX}/torch/`, { signal: AbortSignal.timeout(4000) })
    return answer.ok
  } catch {
    return false; // no network, a proxy, or too slow: each means "take the other source"
  }
}
