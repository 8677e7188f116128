#!/usr/bin/env bash
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
# A worker of a study: `sbatch cluster.sh NAME`, where $ANYNET_STORAGE names the storage.
set -euo pipefail
anynet study work "$1" --threads "${SLURM_CPUS_PER_TASK:-1}"
