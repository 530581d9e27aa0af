"""The files of a SLURM of two nodes on one machine: configuration, keys, pretended GPUs."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

CLUSTER_NAME = "duretest"
NODES = ("one", "two")
GPU_NODE = "one"
CPUS = 2
# What the steps ask for in their second attempt must fit; on tiny inputs they use little of it.
MEMORY_MB = 64_000
GPUS = 2

SLURM_CONF = """\
ClusterName={cluster_name}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
SlurmctldPort={controller_port}
StateSaveLocation={folder}/ctld
# %n is the node's name: both slurmd run on this machine.
SlurmdSpoolDir={folder}/slurmd-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Memory is enforced by sampling every second, which is all that works without cgroups.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/jobcomp.log
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# A node that was down is used again when its slurmd is back.
ReturnToService=2
SlurmdTimeout=10
# squeue must still know a job when Snakemake asks for it.
MinJobAge=600
KillWait=5
GresTypes=gpu
# Lets each node claim {cpus} CPUs and its memory, whatever this machine has.
SlurmdParameters=config_overrides
{nodes}
PartitionName=cpu Nodes={all_nodes} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={gpu_node} MaxTime=2-00:00:00 State=UP
"""


def write_state(folder: Path) -> None:
    """Write what the daemons read, and make the folders that they write to."""
    for name in ("munge", "ctld", "log", "gpu", *(f"slurmd-{node}" for node in NODES)):
        (folder / name).mkdir()
    (folder / "munge").chmod(0o700)
    key = folder / "munge" / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    controller_port, *node_ports = _free_ports(1 + len(NODES))
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(
        SLURM_CONF.format(
            cluster_name=CLUSTER_NAME,
            host=host,
            folder=folder,
            controller_port=controller_port,
            cpus=CPUS,
            nodes="\n".join(map(_node_line, NODES, node_ports, [host] * len(NODES))),
            all_nodes=",".join(NODES),
            gpu_node=GPU_NODE,
        )
    )
    # slurmd takes character devices only as GPUs; these two are further names of /dev/null.
    for index in range(GPUS):
        os.mknod(folder / "gpu" / f"gpu{index}", 0o20666, os.makedev(1, 3))
    (folder / "gres.conf").write_text(
        f"NodeName={GPU_NODE} Name=gpu File={folder}/gpu/gpu[0-{GPUS - 1}]\n"
    )


def _node_line(name: str, port: int, host: str) -> str:
    return (
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} "
        f"RealMemory={MEMORY_MB}{f' Gres=gpu:{GPUS}' if name == GPU_NODE else ''} State=UNKNOWN"
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
