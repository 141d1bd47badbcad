"""Clouds of 3 MB at 10 Hz between two processes, with the profile that is shipped.

Best effort: without the profile none of them arrives.
"""

from array import array
import contextlib
import os
from pathlib import Path
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
import zlib

import pytest

PROFILE = Path(__file__).parents[2] / 'config' / 'fastdds_large_data.xml'
NUM_BYTES = 3_000_000
NUM_MESSAGES = 40
RATE_HZ = 10.0
MIN_RATE_HZ = 9.0
SHARED_MEMORY = Path('/dev/shm')


def environment(profile):
    variables = dict(os.environ)
    for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        variables[name] = str(profile)
    variables.pop('RMW_IMPLEMENTATION', None)
    return variables


def payload(number):
    block = number.to_bytes(4, 'little') + bytes((number * 7 + k) % 256 for k in range(996))
    data = array('B')
    data.frombytes(block * (NUM_BYTES // len(block)))
    return data


def publish():
    """Run in a process of its own: send the clouds when somebody listens."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    rclpy.init()
    node = rclpy.create_node('sender')
    publisher = node.create_publisher(PointCloud2, 'cloud', qos_profile_sensor_data)
    messages = [
        PointCloud2(width=NUM_BYTES // 20, height=1, point_step=20, data=payload(number))
        for number in range(NUM_MESSAGES)
    ]
    deadline_s = time.monotonic() + 10.0
    while publisher.get_subscription_count() == 0 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    time.sleep(0.5)
    start_s = time.monotonic()
    for number, message in enumerate(messages):
        time.sleep(max(0.0, start_s + number / RATE_HZ - time.monotonic()))
        publisher.publish(message)
    time.sleep(2.0)
    node.destroy_node()
    rclpy.shutdown()


def listen():
    """Run in a process of its own: print number, checksum and time of every cloud."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2

    rclpy.init()
    node = rclpy.create_node('listener')
    heard = []

    def on_cloud(message):
        data = memoryview(message.data)
        number = int.from_bytes(data[:4], 'little')
        heard.append((number, len(data), zlib.crc32(data), time.monotonic()))

    node.create_subscription(PointCloud2, 'cloud', on_cloud, qos_profile_sensor_data)
    deadline_s = time.monotonic() + 20.0
    while len(heard) < NUM_MESSAGES and time.monotonic() < deadline_s:
        rclpy.spin_once(node, timeout_sec=0.1)
    for line in heard:
        sys.stdout.write(' '.join(map(str, line)) + '\n')
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def run_pair():
    """Run listener and sender with a profile; return what the listener heard."""
    started = []

    def start(role, profile):
        process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', str(Path(__file__).resolve()), role],
            env=environment(profile),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    def run(profile):
        older = set(SHARED_MEMORY.glob('fast*'))  # of processes that were killed
        listener, sender = start('listen', profile), start('publish', profile)
        largest = 0
        while sender.poll() is None and listener.poll() is None:
            largest = max(largest, largest_segment(older))
            time.sleep(0.2)
        output, errors = listener.communicate(timeout=25.0)
        assert listener.returncode == 0, errors
        return [line.split() for line in output.splitlines()], largest

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def largest_segment(older):
    """Bytes of the largest piece of shared memory that came since; 0 for none."""
    sizes = [0]
    for path in set(SHARED_MEMORY.glob('fast*')) - older:
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return max(sizes)


def test_clouds_arrive_whole_and_in_time_with_the_shipped_profile(run_pair):
    heard, largest = run_pair(PROFILE)
    assert [int(number) for number, *_ in heard] == list(range(NUM_MESSAGES))
    for number, num_bytes, checksum, _ in heard:
        assert int(num_bytes) == NUM_BYTES
        assert int(checksum) == zlib.crc32(payload(int(number)))
    times_s = [float(each[3]) for each in heard]
    assert (len(heard) - 1) / (times_s[-1] - times_s[0]) >= MIN_RATE_HZ
    # It is the profile that did it: the segments have the size that it asks for.
    wanted = int(ElementTree.parse(PROFILE).find('.//{*}segment_size').text)
    assert largest >= wanted


@pytest.mark.parametrize('name', ['fastdds_large_data.xml', 'cyclonedds.xml'])
def test_profiles_are_well_formed(name):
    root = ElementTree.parse(PROFILE.with_name(name)).getroot()
    assert root.tag.split('}')[-1] in ('dds', 'CycloneDDS')


if __name__ == '__main__':
    {'publish': publish, 'listen': listen}[sys.argv[1]]()
