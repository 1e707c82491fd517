"""Django Channels under uvicorn, in the style of Channels' tutorial: a consumer class per connection, and groups of its
channel layer for whatever goes to many. The settings, which are usually a file of their own, are the part that Channels
needs; the layer is the one in memory, since there is one process (the one on Redis would add a hop to each message).
"""

import json
import re
from dataclasses import asdict, dataclass

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["channels"],
    SECRET_KEY="of a benchmark",
    # The capacity is large enough that nobody misses a publication.
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1024}}},
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402 (needs the settings)
from channels.routing import ProtocolTypeRouter  # noqa: E402


@dataclass
class Text:
    text: str


class Consumer(AsyncJsonWebsocketConsumer):
    groups = ["everybody"]

    async def connect(self):
        self.rooms = set()
        await self.accept()

    async def disconnect(self, code):
        for room in self.rooms:
            await self.channel_layer.group_discard(room, self.channel_name)

    async def receive_json(self, request):
        try:
            handler = HANDLERS.get(request["name"], Consumer.handle_room)
            await handler(self, request)
        except (KeyError, TypeError) as error:
            await self.refuse(request, "invalid_payload", str(error))

    async def echo(self, request):
        text = Text(**request["payload"])
        await self.send_json({"name": request["name"], "uid": request["uid"], "payload": asdict(text)})

    async def publish(self, request):
        await self.send_to_group("everybody", request)

    async def done(self, request):
        await self.send_json({"name": request["name"], "uid": request.get("uid")})

    async def handle_room(self, request):
        found = ROOM.fullmatch(request["name"])
        if found is None:
            await self.refuse(request, "unknown_name", "nothing has this name")
            return
        room = f"rooms.{found['room']}"
        if found["verb"] == "say":
            await self.send_to_group(room, request)
        elif found["verb"] == "join":
            self.rooms.add(room)
            await self.channel_layer.group_add(room, self.channel_name)
            await self.done(request)
        else:
            self.rooms.discard(room)
            await self.channel_layer.group_discard(room, self.channel_name)
            await self.done(request)

    async def send_to_group(self, group, request):
        """Encodes once, for all of the group; the tutorial encodes in `deliver`, which would be once for each."""
        text = Text(**request["payload"])
        message = json.dumps({"name": request["name"], "payload": asdict(text)})
        await self.channel_layer.group_send(group, {"type": "deliver", "message": message})

    async def deliver(self, event):
        await self.send(text_data=event["message"])

    async def refuse(self, request, code, message):
        error = {"code": code, "message": message}
        await self.send_json({"name": request.get("name"), "uid": request.get("uid"), "error": error})


HANDLERS = {f"area{n}/command{n}": Consumer.done for n in range(99)}
HANDLERS["bench/echo"] = Consumer.echo
HANDLERS["bench/publish"] = Consumer.publish

ROOM = re.compile(r"bench/rooms/(?P<room>\d+)/(?P<verb>join|say|leave)")

application = ProtocolTypeRouter({"websocket": Consumer.as_asgi()})
